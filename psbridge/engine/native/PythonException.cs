using System;

namespace PSBridge;

/// <summary>A Python exception as PowerShell users meet it.</summary>
public sealed class PythonException : Exception
{
    /// <summary>Describe a Python exception.</summary>
    /// <param name="type">The name of its class, such as ValueError.</param>
    /// <param name="text">What it says.</param>
    /// <param name="traceback">The Python traceback, the innermost call last.</param>
    /// <param name="inner">The .NET exception behind it, where there is one.</param>
    public PythonException(string type, string text, string traceback, Exception? inner)
        : base(text.Length == 0 ? type : $"{type}: {text}", inner)
    {
        PythonType = type;
        PythonTraceback = traceback;
    }

    /// <summary>The name of the Python exception's class.</summary>
    public string PythonType { get; }

    /// <summary>The Python traceback, the innermost call last.</summary>
    public string PythonTraceback { get; }

    /// <summary>The Python traceback: the frames that matter to the reader are Python's.</summary>
    public override string StackTrace => PythonTraceback;
}
