using System;
using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.ExceptionServices;

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
    // By runspace, for two sessions may have modules of the same name and declaration; and, with
    // no runspace, the latest for runspaces that belong to no session, such as -Parallel's.
    private static readonly ConcurrentDictionary<(Guid Runspace, Type Type), Action<PythonCmdlet>> s_bodies = new();

    private ExceptionDispatchInfo? _thrown;
    private volatile bool _stopRequested;

    /// <summary>Called by BeginProcessing.</summary>
    public Action? OnBegin { get; set; }

    /// <summary>Called for each record by ProcessRecord.</summary>
    public Action? OnProcess { get; set; }

    /// <summary>Called by EndProcessing.</summary>
    public Action? OnEnd { get; set; }

    /// <summary>Called by StopProcessing, on another thread, while a hook may be running.</summary>
    public Action? OnStop { get; set; }

    /// <summary>What Python raised, to be thrown when its hook has returned.</summary>
    public ErrorRecord? Failure { get; set; }

    /// <inheritdoc/>
    public bool StopRequested => _stopRequested || _thrown is not null;

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
            if (!MyInvocation.BoundParameters.ContainsKey(names[i]))
            {
                values[i] = System.Reflection.Missing.Value;
            }
        }

        return values;
    }

    /// <summary>
    /// Let go of Python. Called by PowerShell when the pipeline is over: the delegates hold Python
    /// objects that hold this one, a circle that neither garbage collector sees through.
    /// </summary>
    public void Dispose()
    {
        OnBegin = OnProcess = OnEnd = OnStop = null;
        Failure = null;
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
        Guid runspace = Runspace.DefaultRunspace?.InstanceId ?? Guid.Empty;
        if (!s_bodies.TryGetValue((runspace, GetType()), out Action<PythonCmdlet>? body)
            && !s_bodies.TryGetValue((Guid.Empty, GetType()), out body))
        {
            throw new PSInvalidOperationException(
                $"{MyInvocation.MyCommand.Name} is written in Python, and no Python is here to run it.");
        }

        Call(() => body(this));
        Call(OnBegin);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Call(OnProcess);

    /// <inheritdoc/>
    protected override void EndProcessing() => Call(OnEnd);

    /// <inheritdoc/>
    protected override void StopProcessing()
    {
        _stopRequested = true;
        if (OnStop is { } stop && Border.TryEnter())
        {
            try
            {
                stop();
            }
            finally
            {
                Border.Leave();
            }
        }
    }

    private void Call(Action? hook)
    {
        if (hook is null)
        {
            return;
        }

        if (!Border.TryEnter())
        {
            throw new PipelineStoppedException();
        }

        try
        {
            hook();
        }
        finally
        {
            Border.Leave();
        }

        _thrown?.Throw();
        if (Failure is { } failure)
        {
            Failure = null;
            ThrowTerminatingError(failure);
        }

        if (_stopRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    private bool Send<T>(Action<PythonCmdlet, T> write, T record)
    {
        if (_thrown is not null || _stopRequested)
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
