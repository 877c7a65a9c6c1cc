using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Internal;
using System.Management.Automation.Remoting.Client;
using System.Management.Automation.PSTasks;
using System.Management.Automation.Remoting.Internal;
using System.Management.Automation.Runspaces;
using System.Reflection;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>A member of PowerShell's own that is not public.</summary>
/// <remarks>It is looked up once, when it is first asked for: most processes use few of them.</remarks>
/// <param name="type">Gives the type that has it; null where an engine lacks that.</param>
/// <param name="name">Its name.</param>
/// <param name="without">What psbridge does where it is missing.</param>
/// <param name="find">Finds it in the type.</param>
public sealed class EngineMember(Func<Type?> type, string name, string without, Func<Type, MemberInfo?> find)
{
    private readonly Lazy<MemberInfo?> _found = new(() => type() is { } owner ? find(owner) : null);

    /// <summary>Its name, with its type's.</summary>
    public string Name => $"{type()?.Name ?? "?"}.{name}";

    /// <summary>What psbridge does where it is missing.</summary>
    public string Without { get; } = without;

    /// <summary>Whether this engine has it.</summary>
    public bool IsThere => _found.Value is not null;

    /// <summary>The field, where it is one.</summary>
    public FieldInfo? Field => _found.Value as FieldInfo;

    /// <summary>The property, where it is one.</summary>
    public PropertyInfo? Property => _found.Value as PropertyInfo;

    /// <summary>The method, where it is one.</summary>
    public MethodInfo? Method => _found.Value as MethodInfo;

    /// <summary>The constructor, where it is one.</summary>
    public ConstructorInfo? Constructor => _found.Value as ConstructorInfo;

    /// <summary>The fields of a module's type that are of a certain type, whatever their names.</summary>
    internal static IEnumerable<FieldInfo> FieldsOf(Type owner, Type type) =>
        owner.GetFields(BindingFlags.Instance | BindingFlags.NonPublic).Where(field => field.FieldType == type);
}

/// <summary>All members of PowerShell's own that are not public and that psbridge uses.</summary>
/// <remarks>
/// They are none of PowerShell's promises, so each has a way without it, which is said here and by
/// `psbridge doctor`. A test holds the list against the engine. The groups are classes, so that a
/// start makes those that it needs.
/// </remarks>
public static class EngineMembers
{
    private const BindingFlags Any =
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<EngineMember> All =>
        [.. typeof(EngineMembers).GetNestedTypes()
            .SelectMany(group => group.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(member => member.GetValue(null)).OfType<EngineMember>()];

    /// <summary>What a job keeps in the order of writing, and its state.</summary>
    public static class Jobs
    {
        private const string Blocks = "Receive-Job gives a job's output first, then its errors, and so on";

        internal static readonly EngineMember UsesResults = Method<Job>("set_UsesResultsCollection", Blocks, typeof(bool));
        internal static readonly EngineMember Results = Method<Job>("get_Results", Blocks);

        internal static readonly EngineMember ReadsResults = Method<Job>(
            "get_UsesResultsCollection", "what Python has taken of a job, Receive-Job gives again");

        internal static readonly EngineMember WriteObject = Method<Job>("WriteObject", Blocks, typeof(object));
        internal static readonly EngineMember WriteError = Method<Job>("WriteError", Blocks, typeof(ErrorRecord));
        internal static readonly EngineMember WriteWarning = Method<Job>("WriteWarning", Blocks, typeof(string));
        internal static readonly EngineMember WriteVerbose = Method<Job>("WriteVerbose", Blocks, typeof(string));
        internal static readonly EngineMember WriteDebug = Method<Job>("WriteDebug", Blocks, typeof(string));
        internal static readonly EngineMember WriteProgress = Method<Job>("WriteProgress", Blocks, typeof(ProgressRecord));

        internal static readonly EngineMember WriteInformation =
            Method<Job>("WriteInformation", Blocks, typeof(InformationRecord));

        internal static readonly EngineMember SetState = Method<Job>(
            "SetJobState", "a failed job gives no reason", typeof(JobState), typeof(Exception));

        internal static readonly EngineMember SetStateAlone =
            Method<Job>("SetJobState", "jobs written in Python do not work", typeof(JobState));

        /// <summary>Where a job keeps its command.</summary>
        public static readonly EngineMember Command = Field<Job>(
            "<Command>k__BackingField",
            "a job made without a command has none, and Get-Job -Command fails in its session");
    }

    /// <summary>What a Receive-Job -Wait works with.</summary>
    public static class ReceiveJob
    {
        private const string Later =
            "a Receive-Job -Wait does not show children that come later; the next Receive-Job does";

        internal static readonly EngineMember StateChanged = Field<Job>(nameof(Job.StateChanged), Later);
        internal static readonly EngineMember WriteExistingData = Field<ReceiveJobCommand>("_writeExistingData", Later);
        internal static readonly EngineMember SyncObject = Field<ReceiveJobCommand>("_syncObject", Later);
        internal static readonly EngineMember Aggregated = Field<ReceiveJobCommand>("_jobsBeingAggregated", Later);
        internal static readonly EngineMember Results = Field<ReceiveJobCommand>("_results", Later);

        internal static readonly EngineMember Aggregate =
            Method<ReceiveJobCommand>("AggregateResultsFromJob", Later, typeof(Job));

        internal static readonly EngineMember SetId = Method<PSStreamObject>("set_Id", Later, typeof(Guid));
    }

    /// <summary>What a job keeps in the order of writing, one by one.</summary>
    public static class Streams
    {
        private const string Again = "what Python has taken of a job, Receive-Job gives again";

        private const string NoCalls =
            "verbose, debug and progress records of other processes come behind their output";

        internal static readonly EngineMember Value = Method<PSStreamObject>("get_Value", Again);

        internal static readonly EngineMember Call = Property(
            () => Named("System.Management.Automation.Remoting.ClientMethodExecutor"), "RemoteHostCall", NoCalls);

        internal static readonly EngineMember Execute = Method(
            () => Call.Property?.DeclaringType,
            "Execute",
            "who waits for a job in another process that asks something waits until it is received",
            typeof(Action<ErrorRecord>));

        internal static readonly EngineMember CallName =
            Property(() => Call.Property?.PropertyType, "MethodName", NoCalls);

        internal static readonly EngineMember CallNumber = Property(
            () => Call.Property?.PropertyType, "CallId", "a question of a job in another process is answered by Receive-Job only");
    }

    /// <summary>Who else has jobs.</summary>
    public static class Sources
    {
        internal static readonly EngineMember Register = Method<JobManager>(
            "RegisterJobSourceAdapter", "there are no job definitions and no jobs that pause", typeof(Type));

        internal static readonly EngineMember Adapters = Field<JobManager>(
            "_sourceAdapters", "a session that closes asks Get-Job, which takes 15 ms");

        internal static readonly EngineMember ChildRunspace = Property(
            () => Named("System.Management.Automation.PSRemotingChildJob"),
            "Runspace",
            "a remote job does not give the code of its script's exit");

        internal static readonly EngineMember Unblock = Method(
            () => Named("System.Management.Automation.PSRemotingChildJob"),
            "UnblockJob",
            "who waits for a job in another process that asks something waits until it is received");

        internal static readonly EngineMember ChildStopAsked = Field(
            () => Named("System.Management.Automation.PSRemotingChildJob"),
            "_stopIsCalled",
            "a job of Start-Job whose script calls exit counts as stopped");

        internal static readonly EngineMember ChildFailure = Property(
            () => Named("System.Management.Automation.PSRemotingChildJob"),
            "FailureErrorRecord",
            "the error of a remote job that failed has a general id");
    }

    /// <summary>The way from a job of Start-Job to its process.</summary>
    public static class JobProcess
    {
        private const string Unseen = "a job of Start-Job whose process dies stays Running";

        internal static readonly EngineMember Pool =
            Property(() => Named("System.Management.Automation.RemoteRunspace"), "RunspacePool", Unseen);

        internal static readonly EngineMember RemotePool =
            Property<RunspacePool>("RemoteRunspacePoolInternal", Unseen);

        internal static readonly EngineMember Handler =
            Property(() => RemotePool.Property?.PropertyType, "DataStructureHandler", Unseen);

        internal static readonly EngineMember Transport =
            Property(() => Handler.Property?.PropertyType, "TransportManager", Unseen);

        internal static readonly EngineMember Process = Field(
            () => Named("System.Management.Automation.Remoting.Client.OutOfProcessClientSessionTransportManager"),
            "_serverProcess",
            Unseen);

        internal static readonly EngineMember Feed =
            Method<ClientSessionTransportManagerBase>("HandleDataReceived", Unseen, typeof(string));

        internal static readonly EngineMember Program = Field(
            () => typeof(PowerShellProcessInstance),
            "PwshExePath",
            "Ctrl-C at a terminal kills jobs of Start-Job");
    }

    /// <summary>Whether a pipeline is to stop, and its commands.</summary>
    public static class Stops
    {
        private const string Lost = "about one stop of 500 in a loop of quick commands has no effect";
        private const string FailedInstead =
            "what is stopped while a module is imported for a command may be Failed";

        private const string StopperType = "System.Management.Automation.Runspaces.PipelineStopper";
        private const string ProcessorType = "System.Management.Automation.Internal.PipelineProcessor";

        private static readonly Func<Type?> s_base = () => Named("System.Management.Automation.Runspaces.RunspaceBase");

        internal static readonly EngineMember Running = Property(s_base, "RunningPipelines", Lost);
        internal static readonly EngineMember RunspaceLock = Field(s_base, "_pipelineListLock", Lost);

        internal static readonly EngineMember ReleaseDebugger = Method(
            () => Named("System.Management.Automation.Runspaces.LocalRunspace"), "ReleaseDebugger", Lost);

        internal static readonly EngineMember Stopper = Property(
            () => Named("System.Management.Automation.Runspaces.LocalPipeline"), "Stopper", Lost);

        internal static readonly EngineMember IsStopping = Property(() => Named(StopperType), "IsStopping", Lost);
        internal static readonly EngineMember Lock = Field(() => Named(StopperType), "_syncRoot", Lost);
        internal static readonly EngineMember Commands = Field(() => Named(StopperType), "_stack", Lost);

        internal static readonly EngineMember Stop = Method(() => Named(ProcessorType), "Stop", Lost);
        internal static readonly EngineMember Failure = Field(
            () => Named(ProcessorType), "_firstTerminatingError", FailedInstead);

        internal static readonly EngineMember FailureLock = Field(
            () => Named(ProcessorType), "_stopReasonLock", FailedInstead);

        internal static readonly EngineMember[] Members =
            [Running, RunspaceLock, ReleaseDebugger, Stopper, IsStopping, Lock, Commands, Stop];
    }

    /// <summary>The children of a ForEach-Object -Parallel that is a job.</summary>
    public static class ParallelJobs
    {
        private const string Lost = "a stop of a ForEach-Object -Parallel may have no effect on one of its children";

        internal static readonly EngineMember Pool = Field<PSTaskJob>("_taskPool", Lost);
        internal static readonly EngineMember Close = Method(() => Pool.Field?.FieldType, "Close", Lost);

        internal static readonly EngineMember Task = Property(
            () => Named("System.Management.Automation.PSTasks.PSTaskChildJob"), "Task", Lost);

        internal static readonly EngineMember Runspace = Property(() => Task.Property?.PropertyType, "Runspace", Lost);

        internal static readonly EngineMember Work = Field(
            () => Task.Property?.PropertyType,
            "_powershell",
            "the children of a ForEach-Object -Parallel that is a job show no progress");
    }

    /// <summary>Where a runspace stands that is being opened.</summary>
    public static class Opening
    {
        private const string Waits = "a Stop-Job of a ForEach-Object -Parallel that just begins may not come back";
        private const string Local = "System.Management.Automation.Runspaces.LocalRunspace";

        internal static readonly EngineMember Runspaces = Property<Runspace>("RunspaceList", Waits);
        internal static readonly EngineMember Disposed = Field(() => Named(Local), "_disposed", Waits);
        internal static readonly EngineMember Ended = Field(() => Named(Local)?.BaseType, "RunspaceOpening", Waits);

        internal static readonly EngineMember SetState = Method(
            () => Named(Local)?.BaseType, "SetRunspaceState", Waits, typeof(RunspaceState));
    }

    /// <summary>What a session shows and asks.</summary>
    public static class Console
    {
        private const string Lines = "progress is shown as lines, without PowerShell's tree of activities";

        internal static readonly EngineMember WriteStream =
            Property<PSObject>("WriteStream", "errors that are shown are shown as output");

        internal static readonly EngineMember FromRemoteHost = Property<FieldDescription>(
            "IsFromRemoteHost", "what another machine asks for is converted here");

        internal static readonly EngineMember NewProgress = new(
            Progress, ".ctor", Lines, type => type.GetConstructor(Any, []));

        internal static readonly EngineMember UpdateProgress = Method(
            Progress, "Update", Lines, typeof(long), typeof(ProgressRecord));

        internal static readonly EngineMember RenderProgress = Method(
            Progress, "Render", Lines, typeof(int), typeof(int), typeof(PSHostRawUserInterface));

        private static Type? Progress() => Type.GetType(
            "Microsoft.PowerShell.PendingProgress, Microsoft.PowerShell.ConsoleHost", throwOnError: false);
    }

    /// <summary>What belongs to a runspace.</summary>
    public static class Runspaces
    {
        private const string Syntax = "Get-Help shows the syntax of a cmdlet only";
        private const string Pipe = "a process leaves the file of its pipe in the folder for temporary files";

        internal static readonly EngineMember ProfilePath = Method(
            () => Named("System.Management.Automation.HostUtilities"),
            "GetFullProfileFileName",
            "there is no $PROFILE",
            typeof(string),
            typeof(bool));

        internal static readonly EngineMember Context = Property<Runspace>(
            "ExecutionContext", "exit in a file ends the file only; " + Syntax);

        internal static readonly EngineMember RethrowExit = Property(
            ContextType, "ScriptCommandProcessorShouldRethrowExit", "exit in a file ends the file only");

        internal static readonly EngineMember HelpFile = Method<CmdletInfo>("set_HelpFile", Syntax, typeof(string));
        internal static readonly EngineMember HelpSystem = Property(ContextType, "HelpSystem", Syntax);

        internal static readonly EngineMember ResetHelp = Method(
            () => HelpSystem.Property?.PropertyType, "ResetHelpProviders", "Get-Help shows the help it has read before");

        internal static readonly EngineMember RunEvents = Method(
            () => Named("System.Management.Automation.PSLocalEventManager"),
            "ProcessPendingActions",
            "a script of a member that is asked for in the loop over a stream waits for the stream's end");

        internal static readonly EngineMember Subscribe = Method<PSEventManager>(
            nameof(PSEventManager.SubscribeEvent),
            "a script of a member waits for the end of what runs in its session",
            typeof(object),
            typeof(string),
            typeof(string),
            typeof(PSObject),
            typeof(PSEventReceivedEventHandler),
            typeof(bool),
            typeof(bool),
            typeof(bool),
            typeof(int));

        internal static readonly EngineMember LoadingModules = Property(
            ContextType, "AutoLoadingModuleInProgress", "no session can be opened that has some commands only");

        internal static readonly EngineMember PipeEnabled = Field(PipeServer, "IPCNamedPipeServerEnabled", Pipe);
        internal static readonly EngineMember PipeOfProcess = Field(PipeServer, "IPCNamedPipeServer", Pipe);
        internal static readonly EngineMember PipeOfHost = Field(PipeServer, "_customNamedPipeServer", Pipe);

        private static Type? ContextType() => Context.Property?.PropertyType;

        private static Type? PipeServer() => Named("System.Management.Automation.Remoting.RemoteSessionNamedPipeServer");
    }

    /// <summary>What an object is made of.</summary>
    public static class Objects
    {
        internal static readonly EngineMember Own = Property<PSObject>(
            "InstanceMembers", "many records take several times as long to read");

        internal static readonly EngineMember OwnIfAny = Field<PSObject>(
            "_instanceMembers", "many plain values that a job has written take twice as long to receive");

        internal static readonly EngineMember OwnByName = Field(
            () => OwnIfAny.Field?.FieldType, "_members", "many records take several times as long to read");

        internal static readonly EngineMember WhenIdle = Method<PSDataCollection<object>>(
            "add_IdleEvent",
            "a script of a member that the input of a run asks for waits for the end of the run",
            typeof(EventHandler<EventArgs>));

        internal static readonly EngineMember ReleaseRead = Property<PSDataCollection<object>>(
            "ReleaseOnEnumeration", "the input of a run is gone through as fast as it can be");

        internal static readonly EngineMember Buffered = Field<PSDataCollection<PSStreamObject>>(
            "_data", "to receive ten times as many records of a job takes a hundred times as long");

        /// <summary>The same of a buffer of anything.</summary>
        internal static FieldInfo? BufferedOf<T>() => typeof(PSDataCollection<T>).GetField("_data", Any);

        internal static readonly EngineMember SessionOfScript = Property<ScriptBlock>(
            "SessionStateInternal", "a job that calls a method of a class waits for a session that waits for it");

        private const string Beside = "code of another session that a method of .NET's is given can end the process";

        internal static readonly EngineMember ContextOfSession = Property(
            () => SessionOfScript.Property?.PropertyType, "ExecutionContext", Beside);

        internal static readonly EngineMember RunspaceOfContext = Property(
            () => ContextOfSession.Property?.PropertyType, "CurrentRunspace", Beside);

        internal static readonly EngineMember TypeNames = Property<PSObject>(
            "InternalTypeNames", "each record that is read keeps names of its type of its own");
    }

    /// <summary>What makes jobs on other machines.</summary>
    public static class Remoting
    {
        private const string None = "Invoke-WinRMCommand and start_remote refuse; New-WinRMSession works";
        private const string Twice = "a job of start_jobs may end before its last child, where the time of another is up";
        private const string Early = "a child that is stopped while its session opens may be Failed";

        /// <summary>Makes the pipeline of a remote command.</summary>
        public static readonly EngineMember CreatePipeline = new(
            () => typeof(PSExecutionCmdlet), "CreatePipeline", None, type => type.GetMethod("CreatePipeline", Any));

        /// <summary>The connections that a remote command is to make.</summary>
        public static readonly EngineMember Operations = Property<PSExecutionCmdlet>("Operations", None);

        /// <summary>Makes one such connection.</summary>
        public static readonly EngineMember NewHelper = new(
            () => Named("Microsoft.PowerShell.Commands.ExecutionCmdletHelperComputerName"),
            ".ctor",
            None,
            type => type.GetConstructors(Any).FirstOrDefault(one => one.GetParameters().Length == 3));

        /// <summary>The commands of such a connection.</summary>
        internal static readonly EngineMember Pipeline = Property(
            Helper, "Pipeline", "start_job takes no arguments by name and no input, and start_jobs one script only");

        /// <summary>The commands that were made last, to be used for each connection.</summary>
        internal static readonly EngineMember Made =
            Field<PSExecutionCmdlet>("_powershellV3", "start_jobs starts one script only");

        /// <summary>The connection of a child.</summary>
        internal static readonly EngineMember HelperOfChild =
            Property(() => Named("System.Management.Automation.PSRemotingChildJob"), "Helper", Twice);

        /// <summary>What has failed it.</summary>
        internal static readonly EngineMember Failure = Field(Helper, "internalException", $"{Early}; {Twice}");

        /// <summary>Tells that such a connection is done with.</summary>
        internal static readonly EngineMember WhenDone = new(
            () => Named("Microsoft.PowerShell.Commands.ExecutionCmdletHelperComputerName"),
            "add_OperationComplete",
            Early,
            type => type.GetMethod("add_OperationComplete", Any));

        /// <summary>What a pipeline of a session in another process has come to.</summary>
        internal static readonly EngineMember PipelineState =
            Field(() => Named("System.Management.Automation.RemotePipeline"), "_pipelineStateInfo", Early);

        /// <summary>Makes such a state.</summary>
        internal static readonly EngineMember NewPipelineState = new(
            () => typeof(PipelineStateInfo),
            ".ctor",
            Early,
            type => type.GetConstructor(Any, [typeof(PipelineState)]));

        /// <summary>Names the error of a code of Windows'.</summary>
        public static readonly EngineMember ErrorId = Method(
            () => Named("System.Management.Automation.Remoting.Client.WSManTransportManagerUtils"),
            "GetFQEIDFromTransportError",
            "the errors of opening a session have one general id",
            typeof(int),
            typeof(string));

        private static Type? Helper() => Named("Microsoft.PowerShell.Commands.ExecutionCmdletHelper");
    }

    private static Type? Named(string name) => typeof(PSObject).Assembly.GetType(name);

    private static EngineMember Field<T>(string name, string without) => Field(() => typeof(T), name, without);

    private static EngineMember Field(Func<Type?> type, string name, string without) =>
        new(type, name, without, owner => owner.GetField(name, Any));

    private static EngineMember Property<T>(string name, string without) => Property(() => typeof(T), name, without);

    private static EngineMember Property(Func<Type?> type, string name, string without) =>
        new(type, name, without, owner => owner.GetProperty(name, Any));

    private static EngineMember Method<T>(string name, string without, params Type[] parameters) =>
        Method(() => typeof(T), name, without, parameters);

    private static EngineMember Method(Func<Type?> type, string name, string without, params Type[] parameters) =>
        new(type, name, without, owner => owner.GetMethod(name, Any, parameters));
}
