using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

namespace Psbridge.Pwsh;

/// <summary>
/// Input: simple questions, one line each. Where the standard input is redirected the answers are
/// read from it, as in the native host; -NonInteractive makes every question an error.
/// </summary>
internal sealed partial class ConsoleUserInterface
{
    private readonly bool _nonInteractive;
    private volatile bool _reading;

    /// <summary>Whether a thread waits for an answer; it cannot be called back from that.</summary>
    internal bool IsReading => _reading;

    /// <inheritdoc/>
    /// <remarks>Null at the end of the input, which the base class does not say but its callers expect.</remarks>
    public override string ReadLine() => ReadAnswer()!;

    /// <inheritdoc/>
    public override SecureString ReadLineAsSecureString()
    {
        RefuseIfNonInteractive();
        var secret = new SecureString();
        if (Console.IsInputRedirected)
        {
            foreach (char c in ReadAnswer() ?? "")
            {
                secret.AppendChar(c);
            }
        }
        else
        {
            ReadKeys(secret);
        }

        secret.MakeReadOnly();
        return secret;
    }

    /// <inheritdoc/>
    public override Dictionary<string, PSObject?> Prompt(
        string caption, string message, Collection<FieldDescription> descriptions)
    {
        RefuseIfNonInteractive();
        ArgumentNullException.ThrowIfNull(descriptions);
        WriteHeader(caption, message);
        var answers = new Dictionary<string, PSObject?>();
        foreach (FieldDescription field in descriptions)
        {
            if (!TryAsk(field, out object? answer))
            {
                // The end of the input. No answer at all is what the engine takes for "cancelled".
                WriteLine();
                answers.Clear();
                break;
            }

            answers[field.Name] = answer is null ? null : PSObject.AsPSObject(answer);
        }

        return answers;
    }

    /// <inheritdoc/>
    public override int PromptForChoice(
        string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        RefuseIfNonInteractive();
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentOutOfRangeException.ThrowIfZero(choices.Count, nameof(choices));
        ArgumentOutOfRangeException.ThrowIfLessThan(defaultChoice, -1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(defaultChoice, choices.Count);
        WriteHeader(caption, message);
        var menu = new ChoiceMenu(choices);
        while (true)
        {
            Write(menu.Question(defaultChoice));
            string answer = ReadAnswer()?.Trim()
                ?? throw new PromptingException(
                    "The prompt was canceled.", null, "PromptForChoiceCanceled", ErrorCategory.OperationStopped);
            if (answer == "?")
            {
                WriteLine(menu.Help);
            }
            else if (answer.Length == 0 && defaultChoice >= 0)
            {
                return defaultChoice;
            }
            else if (menu.Find(answer) is { } chosen)
            {
                return chosen;
            }
        }
    }

    /// <inheritdoc/>
    public override PSCredential? PromptForCredential(
        string caption, string message, string userName, string targetName) =>
        PromptForCredential(
            caption, message, userName, targetName, PSCredentialTypes.Default, PSCredentialUIOptions.Default);

    /// <inheritdoc/>
    public override PSCredential? PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options)
    {
        RefuseIfNonInteractive();
        WriteHeader(caption, message);
        if (string.IsNullOrEmpty(userName))
        {
            Write("User: ");
            userName = ReadAnswer() ?? "";
            if (userName.Length == 0)
            {
                return null;
            }
        }

        Write($"Password for user {userName}: ");
        SecureString password = ReadLineAsSecureString();
        return new PSCredential(
            string.IsNullOrEmpty(targetName) || userName.Contains('\\') ? userName : $"{targetName}\\{userName}",
            password);
    }

    private void RefuseIfNonInteractive()
    {
        if (_nonInteractive)
        {
            throw new PSInvalidOperationException(
                "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.");
        }
    }

    private string? ReadAnswer()
    {
        RefuseIfNonInteractive();
        EndProgress();
        _reading = true;
        try
        {
            return Console.In.ReadLine();
        }
        finally
        {
            _reading = false;
        }
    }

    private void ReadKeys(SecureString secret)
    {
        EndProgress();
        _reading = true;
        try
        {
            while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
            {
                if (key.Key == ConsoleKey.Backspace && secret.Length > 0)
                {
                    secret.RemoveAt(secret.Length - 1);
                    Write("\b \b");
                }
                else if (!char.IsControl(key.KeyChar))
                {
                    secret.AppendChar(key.KeyChar);
                    Write("*");
                }
            }
        }
        finally
        {
            _reading = false;
            WriteLine();
        }
    }

    private void WriteHeader(string? caption, string? message)
    {
        if (!string.IsNullOrEmpty(caption))
        {
            WriteLine();
            WriteStyled(FormatStyle.FormatAccent, caption);
        }

        if (!string.IsNullOrEmpty(message))
        {
            WriteLine(message);
        }
    }

    private bool TryAsk(FieldDescription field, out object? answer)
    {
        Type type = Type.GetType(field.ParameterAssemblyFullName) ?? typeof(string);
        if (!typeof(IList).IsAssignableFrom(type))
        {
            return TryAskOne($"{field.Name}: ", type, field, isElement: false, out answer);
        }

        // One element on each line; an empty line ends the list.
        answer = null;
        var items = new ArrayList();
        Type element = type.GetElementType() ?? typeof(object);
        while (true)
        {
            if (!TryAskOne($"{field.Name}[{items.Count}]: ", element, field, isElement: true, out object? item))
            {
                return false;
            }

            if (item is null)
            {
                answer = LanguagePrimitives.TryConvertTo(items, type, out object? list) ? list : items;
                return true;
            }

            items.Add(item);
        }
    }

    private bool TryAskOne(string prompt, Type type, FieldDescription field, bool isElement, out object? answer)
    {
        while (true)
        {
            Write(prompt);
            if (type == typeof(SecureString))
            {
                SecureString secret = ReadLineAsSecureString();
                answer = isElement && secret.Length == 0 ? null : secret;
                return true;
            }

            if (type == typeof(PSCredential))
            {
                WriteLine();
                answer = PromptForCredential("", "", "", "");
                return answer is not null || isElement;
            }

            string? line = ReadAnswer();
            answer = null;
            if (line is null || (isElement && line.Length == 0))
            {
                return line is not null;
            }

            if (line == "!?" && !string.IsNullOrEmpty(field.HelpMessage))
            {
                WriteLine(field.HelpMessage);
            }
            else if (LanguagePrimitives.TryConvertTo(line, type, out answer))
            {
                return true;
            }
            else
            {
                WriteErrorLine($"Cannot convert \"{line}\" to {type.Name}.");
            }
        }
    }
}
