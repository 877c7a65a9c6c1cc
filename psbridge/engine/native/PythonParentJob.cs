using System.Management.Automation;

namespace PSBridge;

/// <summary>The job that stands in the repository: it does no work, its children do.</summary>
public sealed class PythonParentJob : Job, IPythonJob
{
    /// <summary>Make a parent without children.</summary>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="name">Its name; null lets PowerShell choose one.</param>
    public PythonParentJob(string command, string? name)
        : this(command, name, [])
    {
    }

    private PythonParentJob(string command, string? name, ChildJobList jobs)
        : base(command, name, jobs)
    {
        PSJobTypeName = JobInternals.TypeName;
        JobInternals.UseResults(this, true);
        Children = new FollowedChildren(this, jobs);
    }

    /// <summary>Its children, and what is asked of all of them.</summary>
    public FollowedChildren Children { get; }

    /// <inheritdoc/>
    public override string Location => Children.Location;

    /// <inheritdoc/>
    public override string StatusMessage => string.Empty;

    /// <inheritdoc/>
    public override bool HasMoreData => Children.HasMoreData;

    /// <inheritdoc/>
    public bool WorksOnThisThread => Children.WorksOnThisThread;

    /// <inheritdoc/>
    public void RequestStop() => Children.RequestStop();

    /// <inheritdoc/>
    public bool WaitForFinish(int milliseconds) => JobInternals.WaitForEnd(this, milliseconds);

    /// <summary>Stop the work; all is disposed of when it has ended, which this does not wait for.</summary>
    /// <param name="disposing">Whether this is a call of Dispose.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Children.DisposeWithParent(() => base.Dispose(true));
        }
    }

    /// <summary>Ask the work to stop, and wait until it has; the work itself only asks.</summary>
    public override void StopJob() => Children.StopAndWait();

    /// <summary>Let blocked work go on, as a Job2's method does.</summary>
    public void UnblockJob() => Children.Unblock();

    /// <summary>Only a pausable job can be suspended; this says so.</summary>
    public void SuspendJob() => throw JobInternals.NotPausable(this);

    /// <summary>Only a pausable job can be resumed; this says so.</summary>
    public void ResumeJob() => throw JobInternals.NotPausable(this);
}
