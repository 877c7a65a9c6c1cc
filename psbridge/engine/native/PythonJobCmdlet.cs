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

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (!AsJob && (JobName is not null || MyInvocation.BoundParameters.ContainsKey(nameof(ThrottleLimit))))
        {
            ThrowTerminatingError(new ErrorRecord(
                new PSArgumentException("-JobName and -ThrottleLimit are for jobs: add -AsJob."),
                "JobParameterWithoutAsJob",
                ErrorCategory.InvalidArgument,
                targetObject: null));
        }

        base.BeginProcessing();
    }
}
