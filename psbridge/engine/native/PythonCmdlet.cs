using System;
using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace PSBridge;

/// <summary>The base of the cmdlets that psbridge makes from Python classes.</summary>
/// <remarks>
/// <para>
/// PowerShell makes the instance and calls its hooks; each hook calls the delegate that Python has
/// put there. A derived class, made from the Python declaration, has the parameters.
/// </para>
/// <para>
/// No exception crosses the border. What Python raises comes back as <see cref="Failure"/> and is
/// thrown here. What PowerShell throws at a write (the pipeline is ending, or an error is to end
/// it) is kept, Python is told by a false that it is to unwind, and it goes on from here.
/// </para>
/// </remarks>
public abstract class PythonCmdlet : PSCmdlet, IRecordSink, IDisposable
{
    private const int NoThread = -1;

    // By runspace, for two sessions may have modules of the same name and declaration; and, with
    // no runspace, the latest for runspaces that belong to no session, such as -Parallel's.
    private static readonly ConcurrentDictionary<(Guid Runspace, Type Type), Action<PythonCmdlet>> s_bodies = new();

    private readonly CancellationTokenSource _stop = new();
    private ExceptionDispatchInfo? _thrown;
    private volatile int _hookThread = NoThread;
    private volatile bool _stopRequested;
    private bool _attached;

    /// <summary>Called by BeginProcessing.</summary>
    public Action? OnBegin { get; set; }

    /// <summary>Called for each record by ProcessRecord.</summary>
    public Action? OnProcess { get; set; }

    /// <summary>Called by EndProcessing.</summary>
    public Action? OnEnd { get; set; }

    /// <summary>Called by StopProcessing, on another thread, while a hook may be running.</summary>
    public Action? OnStop { get; set; }

    /// <summary>Called when the pipeline is over.</summary>
    public Action? OnDispose { get; set; }

    /// <summary>Gives the dynamic parameters; called while arguments are bound.</summary>
    public Func<RuntimeDefinedParameterDictionary?>? OnDynamicParameters { get; set; }

    /// <summary>The dynamic parameters, with their values once they are bound.</summary>
    public RuntimeDefinedParameterDictionary? DynamicParameters { get; private set; }

    /// <summary>Cancelled when the pipeline is stopped.</summary>
    public CancellationToken StopToken => _stop.Token;

    /// <summary>What Python raised, to be thrown when its hook has returned.</summary>
    public ErrorRecord? Failure { get; set; }

    /// <summary>Whether a hook has raised what is to end all the code that runs, as SystemExit is.</summary>
    public bool EndsAll { get; set; }

    /// <inheritdoc/>
    public bool StopRequested => _stopRequested || _thrown is not null;

    /// <summary>Whether the calling thread is in none of the hooks, so that it may write nothing.</summary>
    /// <remarks>PowerShell refuses that too, and tells the user to ask Microsoft's support.</remarks>
    public bool IsOutsideHooks => _hookThread != Environment.CurrentManagedThreadId;

    /// <summary>Say what gives the cmdlets of a type their hooks.</summary>
    /// <param name="runspace">The InstanceId of the runspace that imports it.</param>
    /// <param name="type">A type that derives from this one.</param>
    /// <param name="body">Called with each new instance before its first hook.</param>
    public static void Register(Guid runspace, Type type, Action<PythonCmdlet> body)
    {
        s_bodies[(runspace, type)] = body;
        s_bodies[(Guid.Empty, type)] = body;
    }

    /// <summary>Forget what a runspace has imported.</summary>
    /// <param name="runspace">Its InstanceId.</param>
    public static void Forget(Guid runspace)
    {
        foreach ((Guid Runspace, Type Type) key in s_bodies.Keys)
        {
            if (key.Runspace == runspace)
            {
                s_bodies.TryRemove(key, out _);
            }
        }
    }

    /// <summary>The names of the parameters, in the order of the declaration.</summary>
    protected abstract string[] DeclaredNames { get; }

    /// <summary>The values of the parameters, in the order of the declaration.</summary>
    protected abstract object?[] DeclaredValues { get; }

    /// <summary>
    /// The values of the parameters in the order of the declaration, with Missing for those that
    /// have not been given. One that has been given with $null or $false is given.
    /// </summary>
    public object?[] GetGivenValues()
    {
        string[] names = DeclaredNames;
        object?[] values = DeclaredValues;
        for (int i = 0; i < values.Length; i++)
        {
            // While the user is still typing, completion binds without noting what it has bound.
            bool set = values[i] is not (null or SwitchParameter { IsPresent: false });
            if (!set && !MyInvocation.BoundParameters.ContainsKey(names[i]))
            {
                values[i] = System.Reflection.Missing.Value;
            }
        }

        return values;
    }

    /// <summary>Whether a parameter is bound, be it to $null.</summary>
    /// <param name="name">Its name.</param>
    public bool IsBound(string name) => MyInvocation.BoundParameters.ContainsKey(name);

    /// <summary>Ask whether to do something, as -WhatIf, -Confirm and $ConfirmPreference say.</summary>
    /// <param name="target">What it would be done to.</param>
    /// <param name="action">What would be done; null is the cmdlet's verb.</param>
    /// <returns>The answer; null where the pipeline is ending.</returns>
    public bool? AskShouldProcess(string target, string? action) =>
        Ask(() => action is null ? ShouldProcess(target) : ShouldProcess(target, action));

    /// <summary>Ask the user in any case.</summary>
    /// <param name="query">The question.</param>
    /// <param name="caption">What stands above it.</param>
    /// <returns>The answer; null where the pipeline is ending.</returns>
    public bool? AskShouldContinue(string query, string caption) => Ask(() => ShouldContinue(query, caption));

    /// <summary>The file system's path of a path that may not exist.</summary>
    /// <param name="path">A path of PowerShell's, relative to where it is.</param>
    public string ResolvePath(string path) => SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);

    /// <summary>The file system's paths that a path with wildcards means; of one without, itself.</summary>
    /// <param name="path">A path of PowerShell's, relative to where it is.</param>
    public string[] ResolvePaths(string path) => WildcardPattern.ContainsWildcardCharacters(path)
        ? [.. SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _)]
        : [ResolvePath(path)];

    /// <summary>
    /// Let go of Python. Called by PowerShell when the pipeline is over: the delegates hold Python
    /// objects that hold this one, a circle that neither garbage collector sees through.
    /// </summary>
    public void Dispose()
    {
        if (OnDispose is { } dispose)
        {
            Border.TryCall(dispose);
        }

        OnBegin = OnProcess = OnEnd = OnStop = OnDispose = null;
        OnDynamicParameters = null;
        Failure = null;
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public bool Write(object? value) =>
        Send(static (cmdlet, value) => cmdlet.WriteObject(value, enumerateCollection: false), value);

    /// <inheritdoc/>
    public new bool WriteError(ErrorRecord record) =>
        Send(static (cmdlet, record) => ((Cmdlet)cmdlet).WriteError(record), record);

    /// <inheritdoc/>
    public new bool WriteWarning(string text) =>
        Send(static (cmdlet, text) => ((Cmdlet)cmdlet).WriteWarning(text), text);

    /// <inheritdoc/>
    public new bool WriteVerbose(string text) =>
        Send(static (cmdlet, text) => ((Cmdlet)cmdlet).WriteVerbose(text), text);

    /// <inheritdoc/>
    public new bool WriteDebug(string text) =>
        Send(static (cmdlet, text) => ((Cmdlet)cmdlet).WriteDebug(text), text);

    /// <inheritdoc/>
    public new bool WriteInformation(InformationRecord record) =>
        Send(static (cmdlet, record) => ((Cmdlet)cmdlet).WriteInformation(record), record);

    /// <inheritdoc/>
    public new bool WriteProgress(ProgressRecord record) =>
        Send(static (cmdlet, record) => ((Cmdlet)cmdlet).WriteProgress(record), record);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        Attach();
        Call(OnBegin);
    }

    /// <summary>What a type with dynamic parameters gives PowerShell.</summary>
    protected object? CollectDynamicParameters()
    {
        Attach();
        Call(() => DynamicParameters = OnDynamicParameters?.Invoke());
        return DynamicParameters;
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Call(OnProcess);

    /// <inheritdoc/>
    protected override void EndProcessing() => Call(OnEnd);

    /// <inheritdoc/>
    protected override void StopProcessing()
    {
        _stopRequested = true;
        _stop.Cancel();
        if (OnStop is { } stop)
        {
            Border.TryCall(stop);
        }
    }

    /// <summary>Give this instance its Python hooks, once.</summary>
    private void Attach()
    {
        if (_attached)
        {
            return;
        }

        Guid runspace = Runspace.DefaultRunspace?.InstanceId ?? Guid.Empty;
        if (!s_bodies.TryGetValue((runspace, GetType()), out Action<PythonCmdlet>? body)
            && !s_bodies.TryGetValue((Guid.Empty, GetType()), out body))
        {
            throw new PSInvalidOperationException(
                $"{MyInvocation.MyCommand?.Name} is written in Python, and no Python is here to run it.");
        }

        _attached = true;
        Call(() => body(this));
    }

    private bool? Ask(Func<bool> question)
    {
        bool answer = false;
        return Send<Action>(static (_, ask) => ask(), () => answer = question()) ? answer : null;
    }

    private void Call(Action? hook)
    {
        if (hook is null)
        {
            return;
        }

        Border.CheckDepth();
        // A stop that finds the command waiting for input ends that input, and the engine goes on to
        // EndProcessing as if there had been no more.
        if (_stopRequested || !Border.TryEnter())
        {
            throw new PipelineStoppedException();
        }

        _hookThread = Environment.CurrentManagedThreadId;
        try
        {
            hook();
        }
        finally
        {
            _hookThread = NoThread;
            Border.Leave();
        }

        _thrown?.Throw();
        if (Failure is { } failure)
        {
            Failure = null;
            ThrowTerminatingError(failure);
        }

        if (_stopRequested || EndsAll)
        {
            throw new PipelineStoppedException();
        }
    }

    private bool Send<T>(Action<PythonCmdlet, T> write, T record)
    {
        if (StopRequested || IsOutsideHooks)
        {
            return false;
        }

        try
        {
            write(this, record);
            return true;
        }
        catch (Exception error)
        {
            _thrown = ExceptionDispatchInfo.Capture(error);
            return false;
        }
    }
}
