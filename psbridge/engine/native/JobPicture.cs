using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace PSBridge;

/// <summary>How a job stands at a moment, with its children; taken in one call.</summary>
/// <remarks>Nothing of the job is taken or changed, and what takes longer the more it has written is not looked at.</remarks>
public sealed class JobPicture
{
    private JobPicture(Job job, Job[] children)
    {
        HasEnded = JobInternals.WaitForEnd(job, 0);  // first: what comes after it is how it has ended
        Id = job.Id;
        Name = job.Name ?? "";
        Total = children.Length;
        JobStateInfo info = job.JobStateInfo;
        State = info.State.ToString();
        Reason = (info.Reason ?? children.Select(child => child.JobStateInfo.Reason).FirstOrDefault(one => one is not null))
            ?.Message;
        Began = Seconds(job.PSBeginTime);
        Ended = Seconds(job.PSEndTime);
    }

    /// <summary>The job's number.</summary>
    public int Id { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The name of its state.</summary>
    public string State { get; }

    /// <summary>Whether it has ended, with all of its children; one that was disposed of has.</summary>
    public bool HasEnded { get; }

    /// <summary>Why it is in this state; a parent's is that of its first child that has one.</summary>
    public string? Reason { get; }

    /// <summary>When it began, in seconds since 1970; NaN where it has not.</summary>
    public double Began { get; }

    /// <summary>When it ended, likewise.</summary>
    public double Ended { get; }

    /// <summary>How many children it has.</summary>
    public int Total { get; }

    /// <summary>How many of them have ended.</summary>
    public int Done { get; private set; }

    /// <summary>The names of the states that children are in.</summary>
    public string[] States { get; private set; } = [];

    /// <summary>How many children are in each of these.</summary>
    public int[] Counts { get; private set; } = [];

    /// <summary>How many errors it and its children have written.</summary>
    public long Errors { get; private set; }

    /// <summary>Its own progress, and an only child's; null where there is none, or it is over.</summary>
    public ProgressRecord? Bar { get; private set; }

    /// <summary>How far its children are, from 0 to 100; -1 where none of them says it.</summary>
    public double Percent { get; private set; } = -1;

    /// <summary>The last line of what it wrote, and an only child's; null where there is none.</summary>
    public string? Line { get; private set; }

    /// <summary>The children that have failed, and behind them those that are at work; not all.</summary>
    public JobPicture[] Children { get; private set; } = [];

    /// <summary>How many more of these there are.</summary>
    public int Hidden { get; private set; }

    /// <summary>Follow a job and its children, so that what they write is counted, and shown once.</summary>
    /// <param name="job">Any job.</param>
    public static void Follow(Job job)
    {
        foreach (Job one in ChildrenOf(job).Prepend(job))
        {
            JobTrail.Of(one);
            ShownCalls.Watch(one);
        }
    }

    /// <summary>Look at a job.</summary>
    /// <param name="job">Any job.</param>
    /// <param name="lines">Whether to look at what it wrote last.</param>
    /// <param name="most">How many of its children to give pictures of, at most.</param>
    /// <returns>What there is to see.</returns>
    public static JobPicture Take(Job job, bool lines, int most)
    {
        Job[] children = ChildrenOf(job);
        JobTrail trail = JobTrail.Of(job, lines);
        JobPicture picture = new(job, children)
        {
            Errors = trail.Errors(job),
            Bar = Open(trail.Bar),
            Line = lines ? LastLine.Of(trail.Last) : null,
        };
        if (children.Length > 0)
        {
            picture.LookAt(children, lines, most);
        }

        return picture;
    }

    /// <summary>How many errors a job and its children have written.</summary>
    /// <param name="job">Any job.</param>
    public static long ErrorsOf(Job job) =>
        JobTrail.Of(job).Errors(job) + ChildrenOf(job).Sum(child => JobTrail.Of(child).Errors(child));

    /// <summary>What a job says of how it stands, or its first child that says something; never null.</summary>
    /// <param name="job">Any job.</param>
    public static string StatusOf(Job job) =>
        ChildrenOf(job).Prepend(job).Select(Status).FirstOrDefault(text => text.Length > 0) ?? "";

    /// <summary>When a job began, in seconds since 1970; NaN where it has not.</summary>
    /// <param name="job">Any job.</param>
    public static double BeganOf(Job job) => Seconds(job.PSBeginTime);

    /// <summary>When a job ended, likewise.</summary>
    /// <param name="job">Any job.</param>
    public static double EndedOf(Job job) => Seconds(job.PSEndTime);

    private void LookAt(Job[] children, bool lines, int most)
    {
        SortedDictionary<JobState, int> states = [];
        List<Job> failed = [], working = [];
        double percents = 0;
        bool said = false;
        foreach (Job child in children)
        {
            JobState state = child.JobStateInfo.State;
            states[state] = states.GetValueOrDefault(state) + 1;
            JobTrail trail = JobTrail.Of(child);
            Errors += trail.Errors(child);
            said = said || trail.Bar is { PercentComplete: >= 0 };
            if (JobInternals.IsFinished(state))
            {
                Done++;
                percents += 100;
            }
            else if (trail.Bar is { } bar)
            {
                percents += bar.RecordType == ProgressRecordType.Completed ? 100 : Math.Clamp(bar.PercentComplete, 0, 100);
            }

            if (state == JobState.Failed)
            {
                failed.Add(child);
            }
            else if (state != JobState.NotStarted && !JobInternals.IsFinished(state))
            {
                working.Add(child);
            }
        }

        States = [.. states.Keys.Select(state => state.ToString())];
        Counts = [.. states.Values];
        Percent = said ? percents / children.Length : -1;
        if (children is [Job only])
        {
            JobTrail trail = JobTrail.Of(only, lines);
            Bar ??= Open(trail.Bar);
            Line ??= lines ? LastLine.Of(trail.Last) : null;
            return;
        }

        Children = [.. failed.Concat(working).Take(most).Select(child => Take(child, lines, 0))];
        Hidden = failed.Count + working.Count - Children.Length;
    }

    private static ProgressRecord? Open(ProgressRecord? bar) =>
        bar is { RecordType: ProgressRecordType.Processing } ? bar : null;

    private static Job[] ChildrenOf(Job job) => [.. job.ChildJobs];

    private static string Status(Job job)
    {
        try
        {
            return job.StatusMessage ?? "";
        }
        catch (Exception)
        {
            // The sample in PowerShell's documentation throws here.
            return "";
        }
    }

    private static double Seconds(DateTime? time) =>
        time is { } at ? (at.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds : double.NaN;
}
