// Jobs as somebody writes them who knows the types and not the traps, and two onlookers.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Management.Automation;
using System.Threading;

namespace PSBridge.Tests;

/// A plain job that does what it is told.
public class NaiveJob : Job
{
    public NaiveJob()
    {
    }

    public NaiveJob(string command, string name)
        : base(command, name)
    {
    }

    public bool RefusesToStop { get; set; }

    public override string Location => "there";

    public override string StatusMessage => "";

    public override bool HasMoreData => Output.IsOpen || Output.Count > 0;

    public override void StopJob()
    {
        if (RefusesToStop)
        {
            throw new InvalidOperationException("It cannot be stopped.");
        }
    }

    public void Become(JobState state) => SetJobState(state);

    public void Fail(Exception reason) => typeof(Job)
        .GetMethod(
            "SetJobState",
            System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic,
            [typeof(JobState), typeof(Exception)])!
        .Invoke(this, [JobState.Failed, reason]);
}

/// A Job2 that stops at once and tells nobody.
public class NaiveJob2 : Job2
{
    public NaiveJob2(string command, string name)
        : base(command, name)
    {
    }

    public override string Location => "there";

    public override string StatusMessage => "";

    public override bool HasMoreData => Output.IsOpen || Output.Count > 0;

    /// What a Stop-Job of this job waits for is still to come when this is set.
    public ManualResetEvent StopAsked { get; } = new(false);

    public void Become(JobState state) => SetJobState(state, null!);

    public override void StartJob() => Become(JobState.Running);

    public override void StartJobAsync() => StartJob();

    public override void StopJob() => Become(JobState.Stopped);

    public override void StopJobAsync()
    {
        StopJob();
        StopAsked.Set();
    }

    public override void StopJob(bool force, string reason) => StopJob();

    public override void StopJobAsync(bool force, string reason) => StopJobAsync();

    public override void SuspendJob() => Become(JobState.Suspended);

    public override void SuspendJobAsync() => SuspendJob();

    public override void SuspendJob(bool force, string reason) => SuspendJob();

    public override void SuspendJobAsync(bool force, string reason) => SuspendJob();

    public override void ResumeJob() => StartJob();

    public override void ResumeJobAsync() => StartJob();

    public override void UnblockJob() => StartJob();

    public override void UnblockJobAsync() => StartJob();
}

/// Notes the states that a job goes through from now on.
public sealed class StateLog
{
    private readonly List<string> _states = [];

    public StateLog(Job job)
    {
        Job = job;
        job.StateChanged += (_, change) =>
        {
            lock (_states)
            {
                _states.Add(change.JobStateInfo.State.ToString());
                Monitor.PulseAll(_states);
            }
        };
    }

    public Job Job { get; }

    public string[] States
    {
        get
        {
            lock (_states)
            {
                return [.. _states];
            }
        }
    }

    /// Wait until the job is in a state; false where it has ended in another, or time is up.
    public bool WaitFor(string state, int milliseconds)
    {
        Stopwatch clock = Stopwatch.StartNew();
        lock (_states)
        {
            while (true)
            {
                JobState now = Job.JobStateInfo.State;
                int left = milliseconds - (int)clock.ElapsedMilliseconds;
                if (now.ToString() == state
                    || now is JobState.Completed or JobState.Failed or JobState.Stopped
                    || left <= 0)
                {
                    return now.ToString() == state;
                }

                Monitor.Wait(_states, left);
            }
        }
    }
}

/// Enumerates a stream on a thread of its own; in Python that would hold up all of Python.
public sealed class Enumeration
{
    public Enumeration(PSDataCollection<PSObject> stream)
    {
        Thread thread = new(() =>
        {
            foreach (PSObject record in stream)
            {
            }

            Ended.Set();
        });
        thread.IsBackground = true;
        thread.Start();
    }

    public ManualResetEvent Ended { get; } = new(false);
}
