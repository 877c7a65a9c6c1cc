"""PowerShell's private members: which ones, where, and that this engine has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import psbridge
from psbridge import Session

PACKAGE = Path(str(psbridge.__path__[0]))
# One file has all of PowerShell's; the other two have pythonnet's.
THEIRS = {"EngineMembers.cs", "PythonRuntime.cs", "hosting.py"}
MEMBERS = sorted(
    [
        "LocalPipeline.Stopper",
        "LocalRunspace._disposed",
        "PSTaskBase.Runspace",
        "PSTaskBase._powershell",
        "PSTaskChildJob.Task",
        "PipelineProcessor.Stop",
        "PipelineProcessor._firstTerminatingError",
        "PipelineProcessor._stopReasonLock",
        "PipelineStopper.IsStopping",
        "PipelineStopper._stack",
        "PipelineStopper._syncRoot",
        "LocalRunspace.ReleaseDebugger",
        "PSTaskJob._taskPool",
        "PSTaskPool.Close",
        "RunspaceBase.RunningPipelines",
        "RunspaceBase._pipelineListLock",
        "PSEventManager.SubscribeEvent",
        "Runspace.RunspaceList",
        "RunspaceBase.RunspaceOpening",
        "RunspaceBase.SetRunspaceState",
        "ClientRunspacePoolDataStructureHandler.TransportManager",
        "ClientSessionTransportManagerBase.HandleDataReceived",
        "CmdletInfo.set_HelpFile",
        "ExecutionCmdletHelperComputerName..ctor",
        "ExecutionCmdletHelperComputerName.add_OperationComplete",
        "ExecutionContext.CurrentRunspace",
        "ExecutionContext.HelpSystem",
        "SessionStateInternal.ExecutionContext",
        "ExecutionContext.ScriptCommandProcessorShouldRethrowExit",
        "FieldDescription.IsFromRemoteHost",
        "HelpSystem.ResetHelpProviders",
        "HostUtilities.GetFullProfileFileName",
        "Job.<Command>k__BackingField",
        "Job.SetJobState",
        "Job.SetJobState",
        "Job.StateChanged",
        "Job.WriteDebug",
        "Job.WriteError",
        "Job.WriteInformation",
        "Job.WriteObject",
        "Job.WriteProgress",
        "Job.WriteVerbose",
        "Job.WriteWarning",
        "Job.get_Results",
        "Job.get_UsesResultsCollection",
        "ClientMethodExecutor.RemoteHostCall",
        "RemoteHostCall.MethodName",
        "RemoteHostCall.CallId",
        "PSRemotingChildJob.FailureErrorRecord",
        "PSRemotingChildJob._stopIsCalled",
        "PSRemotingChildJob.UnblockJob",
        "ClientMethodExecutor.Execute",
        "PSStreamObject.get_Value",
        "Job.set_UsesResultsCollection",
        "JobManager.RegisterJobSourceAdapter",
        "JobManager._sourceAdapters",
        "OutOfProcessClientSessionTransportManager._serverProcess",
        "PSDataCollection`1.ReleaseOnEnumeration",
        "PSDataCollection`1._data",
        "PSDataCollection`1.add_IdleEvent",
        "PSExecutionCmdlet.CreatePipeline",
        "ExecutionCmdletHelper.Pipeline",
        "ExecutionCmdletHelper.internalException",
        "PSExecutionCmdlet.Operations",
        "PipelineStateInfo..ctor",
        "RemotePipeline._pipelineStateInfo",
        "PSExecutionCmdlet._powershellV3",
        "PSRemotingChildJob.Helper",
        "PSObject.InstanceMembers",
        "PSObject.InternalTypeNames",
        "PSMemberInfoInternalCollection`1._members",
        "PSObject.WriteStream",
        "PSObject._instanceMembers",
        "PSRemotingChildJob.Runspace",
        "PSStreamObject.set_Id",
        "PendingProgress..ctor",
        "PendingProgress.Render",
        "PendingProgress.Update",
        "PowerShellProcessInstance.PwshExePath",
        "ReceiveJobCommand.AggregateResultsFromJob",
        "ReceiveJobCommand._jobsBeingAggregated",
        "ReceiveJobCommand._results",
        "ReceiveJobCommand._syncObject",
        "ReceiveJobCommand._writeExistingData",
        "RemoteRunspace.RunspacePool",
        "RemoteRunspacePoolInternal.DataStructureHandler",
        "RemoteSessionNamedPipeServer.IPCNamedPipeServer",
        "RemoteSessionNamedPipeServer.IPCNamedPipeServerEnabled",
        "RemoteSessionNamedPipeServer._customNamedPipeServer",
        "Runspace.ExecutionContext",
        "RunspacePool.RemoteRunspacePoolInternal",
        "ExecutionContext.AutoLoadingModuleInProgress",
        "PSLocalEventManager.ProcessPendingActions",
        "ScriptBlock.SessionStateInternal",
        "WSManTransportManagerUtils.GetFQEIDFromTransportError",
    ]
)


def test_this_engine_has_them_all_and_each_says_what_is_without_it(shell: Session) -> None:
    from PSBridge import EngineMembers

    members = list(EngineMembers.All)
    assert sorted(member.Name for member in members) == MEMBERS
    assert [member.Name for member in members if not member.IsThere] == []
    assert all(member.Without for member in members)


@pytest.mark.parametrize("suffix", ["cs", "py"])
def test_nobody_else_reaches_for_a_private_member(suffix: str) -> None:
    reaching = re.compile(r"BindingFlags|nonPublic: true")
    found = {p.name for p in PACKAGE.rglob(f"*.{suffix}") if reaching.search(p.read_text("utf-8"))}
    # How a method is invoked, and not which.
    assert found - THEIRS - {"ProgressDisplay.cs"} == set()
