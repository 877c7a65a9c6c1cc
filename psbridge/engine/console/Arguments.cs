using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation.Runspaces;
using System.Text;

namespace Psbridge.Pwsh;

internal enum Mode
{
    Prompt,
    StandardInput,
    Command,
    File,
    Server,
    Version,
    Help,
}

/// <summary>The command line, read by the rules of the native <c>pwsh</c>.</summary>
internal sealed class Arguments
{
    private static readonly string[] s_executionPolicies =
        ["Default", "RemoteSigned", "Bypass", "AllSigned", "Restricted", "Unrestricted", "Undefined"];

    private readonly string[] _args;
    private int _next;

    private Arguments(string[] args) => _args = args;

    internal Mode Mode { get; private set; } = Mode.Prompt;

    /// <summary>The command, the initial command of a server, or the full path of the script.</summary>
    internal string? Text { get; private set; }

    /// <summary>What comes after the script's path, named where it was written so.</summary>
    internal List<CommandParameter> Parameters { get; } = [];

    internal string? WorkingDirectory { get; private set; }

    internal bool NonInteractive { get; private set; }

    /// <summary>Whether the standard input may become <c>$input</c>.</summary>
    internal bool InputIsText { get; private set; } = true;

    internal static Arguments Parse(string[] args, bool inputRedirected)
    {
        var result = new Arguments(args);
        result.ParseAll(inputRedirected);
        return result;
    }

    private void ParseAll(bool inputRedirected)
    {
        while (_next < _args.Length && Mode is not (Mode.File or Mode.Version or Mode.Help))
        {
            string argument = _args[_next].Trim();
            if (argument.Length == 0)
            {
                _next++;
            }
            else if (Switch.Find(argument) is { } found)
            {
                _next++;
                Apply(found, argument, inputRedirected);
            }
            else
            {
                ParseFile();
            }
        }

        if (Mode == Mode.Prompt)
        {
            Mode = inputRedirected ? Mode.StandardInput : throw new UsageException(Usage.NoPrompt);
        }
    }

    private void Apply(Switch found, string argument, bool inputRedirected)
    {
        switch (found.Name)
        {
            case "version":
                Mode = Mode.Version;
                break;
            case "help" or "?":
                Mode = Mode.Help;
                break;
            case "login" or "nologo" or "noprofile" or "noprofileloadtime":
                break;
            case "interactive":
                NonInteractive = false;
                break;
            case "noninteractive":
                NonInteractive = true;
                break;
            case "servermode":
                Mode = Mode.Server;
                break;
            case "command":
                ParseCommand(inputRedirected);
                break;
            case "commandwithargs" or "cwa":
                SetCommand(Value("-Command", "a command"));
                CollectParameters();
                break;
            case "encodedcommand" or "ec":
                SetCommand(Decode(Value("-EncodedCommand", "a command")));
                break;
            case "file":
                ParseFile();
                break;
            case "workingdirectory" or "wd":
                WorkingDirectory = Value("-WorkingDirectory", "a directory path");
                break;
            case "outputformat" or "of":
                ParseFormat("-OutputFormat", "Text");
                break;
            case "inputformat" or "if":
                InputIsText = ParseFormat("-InputFormat", "Text", "None") == "Text";
                break;
            case "executionpolicy" or "ep":
                ParseExecutionPolicy();
                break;
            case "noexit":
                throw new UsageException(Usage.NoPrompt);
            default:
                throw new UsageException(
                    $"pwsh: the parameter {argument} is not supported by psbridge's own copy of PowerShell.");
        }
    }

    private void ParseCommand(bool inputRedirected)
    {
        string first = Value("-Command", "a command");
        if (first != "-")
        {
            SetCommand(string.Join(' ', _args.Skip(_next).Prepend(first)));
            _next = _args.Length;
            return;
        }

        if (_next < _args.Length)
        {
            throw new UsageException(
                "'-' was specified with the -Command parameter; no other arguments to -Command are permitted.");
        }

        if (!inputRedirected)
        {
            throw new UsageException(
                "'-' was specified as the argument to -Command but standard input has not been redirected "
                + "for this process.");
        }

        Mode = Mode.StandardInput;
    }

    private void SetCommand(string text)
    {
        if (Text is not null)
        {
            throw new UsageException(
                "Cannot process command because a command is already specified with -Command, "
                + "-CommandWithArgs, or -EncodedCommand.");
        }

        Text = text;
        // A server runs the text before anything else: this is how Start-Job hands over its
        // -InitializationScript.
        if (Mode != Mode.Server)
        {
            Mode = Mode.Command;
        }
    }

    private void ParseFile()
    {
        string path = Value("-File", "a file path");
        if (path == "-")
        {
            Mode = Mode.StandardInput;
            _next = _args.Length;
            return;
        }

        Text = Path.GetFullPath(path);
        if (!File.Exists(Text))
        {
            throw new UsageException(DescribeMissing(path));
        }

        Mode = Mode.File;
        CollectParameters();
    }

    private static string DescribeMissing(string path)
    {
        string word = path.TrimStart('-');
        string[] similar = path.StartsWith('-') && word.Length > 0 ? Switch.Containing(word) : [];
        if (similar.Length > 0)
        {
            return $"Invalid argument '{path}', did you mean:\n\n  -{string.Join("\n  -", similar)}";
        }

        return $"The argument '{path}' is not recognized as the name of a script file. Check the spelling "
            + "of the name, or if a path was included, verify that the path is correct and try again.\n"
            + "(pwsh -Help shows the options.)";
    }

    /// <summary>
    /// Turn the rest of the line into parameters. <c>-Name</c> stays a bare name, so that the engine
    /// decides whether the next argument is its value; <c>-Name:value</c> carries its own.
    /// </summary>
    private void CollectParameters()
    {
        while (_next < _args.Length)
        {
            string argument = _args[_next++];
            int colon = argument.IndexOf(':');
            if (argument.Length < 2 || !Switch.IsDash(argument[0]))
            {
                Parameters.Add(new CommandParameter(null, argument));
            }
            else if (colon < 0)
            {
                Parameters.Add(new CommandParameter(argument));
            }
            else if (colon < argument.Length - 1)
            {
                Parameters.Add(new CommandParameter(argument[..colon], BooleanOrText(argument[(colon + 1)..])));
            }
            else if (_next < _args.Length)
            {
                Parameters.Add(new CommandParameter(argument[..colon], _args[_next++]));
            }
        }
    }

    /// <summary><c>-Switch:$false</c> reaches us as text; only these two words become booleans.</summary>
    private static object BooleanOrText(string value) =>
        bool.TryParse(value.AsSpan(value[0] == '$' ? 1 : 0), out bool result) ? result : value;

    private string ParseFormat(string parameter, params string[] known)
    {
        string given = Value(parameter, "a format");
        return known.FirstOrDefault(name => name.Equals(given, StringComparison.OrdinalIgnoreCase))
            ?? throw new UsageException(
                $"pwsh: {parameter} cannot be \"{given}\" here; psbridge's own copy of PowerShell knows "
                + $"{string.Join(" and ", known)}.");
    }

    private void ParseExecutionPolicy()
    {
        string policy = Value("-ExecutionPolicy", "a policy name");
        if (!s_executionPolicies.Contains(policy, StringComparer.OrdinalIgnoreCase))
        {
            throw new UsageException($"Invalid ExecutionPolicy value '{policy}'.");
        }

        if (OperatingSystem.IsWindows())
        {
            // This variable is the process scope of the policy.
            Environment.SetEnvironmentVariable("PSExecutionPolicyPreference", policy);
        }
    }

    private static string Decode(string base64)
    {
        try
        {
            return Encoding.Unicode.GetString(Convert.FromBase64String(base64));
        }
        catch (FormatException)
        {
            throw new UsageException(
                "Cannot process the command because the value specified with -EncodedCommand is not properly "
                + "encoded. The value must be Base64 encoded.");
        }
    }

    private string Value(string parameter, string what) =>
        _next < _args.Length
            ? _args[_next++]
            : throw new UsageException(
                $"Cannot process the command because {parameter} requires an argument that is {what}.");
}
