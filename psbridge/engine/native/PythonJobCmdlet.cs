using System.Linq;
using System.Management.Automation;

namespace PSBridge;

/// <summary>The base of the cmdlets that can run as a job.</summary>
public abstract class PythonJobCmdlet : PythonCmdlet
{
    /// <summary>Run as a job and return the job object at once.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    /// <summary>The job's name.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? JobName { get; set; }

    /// <summary>How many child jobs run at a time.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int ThrottleLimit { get; set; } = 32;

    /// <summary>How many seconds each child job may take; 0 is as long as it likes.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int TimeoutSeconds { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        string[] forJobs = [nameof(JobName), nameof(ThrottleLimit), nameof(TimeoutSeconds)];
        if (!AsJob && forJobs.FirstOrDefault(MyInvocation.BoundParameters.ContainsKey) is { } given)
        {
            ThrowTerminatingError(new ErrorRecord(
                new PSArgumentException($"-{given} is for jobs: add -AsJob."),
                "JobParameterWithoutAsJob",
                ErrorCategory.InvalidArgument,
                targetObject: null));
        }

        base.BeginProcessing();
    }
}
