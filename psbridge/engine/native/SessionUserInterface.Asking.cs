using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

namespace PSBridge;

/// <summary>What the host asks. What a question raises reaches the script that asked as an error.</summary>
/// <remarks>
/// The words are those of PowerShell's own host. Unlike there, questions go to standard error, so
/// that they are no part of output that is piped on, and nothing is shown of a secret.
/// </remarks>
internal sealed partial class SessionUserInterface : IHostUISupportsMultipleChoiceSelection
{
    /// <inheritdoc/>
    public override string ReadLine()
    {
        var question = new HostQuestion("text", "", "");
        if (Answers is { } answers)
        {
            return answers.Value<string>(question);
        }

        CheckInteractive(question);
        return Answer("");
    }

    /// <inheritdoc/>
    public override SecureString ReadLineAsSecureString()
    {
        var question = new HostQuestion("secret", "", "") { TypeName = typeof(SecureString).FullName! };
        if (Answers is { } answers)
        {
            return answers.Value<SecureString>(question);
        }

        CheckInteractive(question);
        return Secret("");
    }

    /// <inheritdoc/>
    public override Dictionary<string, PSObject> Prompt(
        string caption, string message, Collection<FieldDescription> descriptions)
    {
        (FieldDescription Field, Type Type)[] fields = [.. descriptions.Select(field => (field, TypeOf(field)))];
        var found = new Dictionary<string, PSObject>();
        if (Answers is { } answers)
        {
            foreach ((FieldDescription field, Type type) in fields)
            {
                object? value = answers.Value(HostQuestion.OfField(caption, message, field, type), type);
                found.Add(field.Name, PSObject.AsPSObject(value ?? ""));
            }

            return found;
        }

        CheckInteractive(HostQuestion.OfField(caption, message, fields[0].Field, fields[0].Type));
        var question = new StringBuilder(Heading(caption, message));
        // What asks by itself, as Read-Host does, has no label and offers no help.
        if (descriptions.Any(field => field.Label.Length > 0 && field.HelpMessage.Length > 0))
        {
            question.AppendLine("(Type !? for Help.)");
        }

        foreach ((FieldDescription field, Type type) in fields)
        {
            object? answer = typeof(IList).IsAssignableFrom(type)
                ? AskForList(question, field, type)
                : AskForOne(question, $"{field.Name}: ", field, type, isItem: false);
            found.Add(field.Name, PSObject.AsPSObject(answer ?? ""));
        }

        return found;
    }

    /// <inheritdoc/>
    public override int PromptForChoice(
        string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(defaultChoice, -1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(defaultChoice, choices.Count);
        int[] defaults = defaultChoice < 0 ? [] : [defaultChoice];
        var question = HostQuestion.OfChoices("choice", caption, message, choices, defaults);
        if (Answers is { } answers)
        {
            return answers.Choice(question, choices);
        }

        CheckInteractive(question);
        var menu = new ChoiceMenu(choices);
        string heading = Heading(caption, message);
        while (true)
        {
            string answer = Answer($"{heading}{menu.Show(defaults)}: ").Trim();
            heading = "";
            if (answer.Length == 0 && defaultChoice >= 0)
            {
                return defaultChoice;
            }

            if (answer == "?")
            {
                heading = menu.Help;
            }
            else if (menu.Find(answer) is { } chosen)
            {
                return chosen;
            }
        }
    }

    /// <inheritdoc/>
    public Collection<int> PromptForChoice(
        string? caption, string? message, Collection<ChoiceDescription> choices, IEnumerable<int>? defaultChoices)
    {
        int[] defaults = defaultChoices?.Distinct().ToArray() ?? [];
        var question = HostQuestion.OfChoices("choices", caption, message, choices, defaults);
        if (Answers is { } answers)
        {
            return answers.Choices(question, choices);
        }

        CheckInteractive(question);
        var menu = new ChoiceMenu(choices);
        var chosen = new Collection<int>();
        string heading = $"{Heading(caption, message)}{menu.Show(defaults)}\n";
        while (true)
        {
            string answer = Answer($"{heading}Choice[{chosen.Count}]: ").Trim();
            heading = answer == "?" ? menu.Help : "";
            if (answer.Length == 0)
            {
                return chosen.Count > 0 ? chosen : new Collection<int>(defaults);
            }

            if (menu.Find(answer) is { } one && !chosen.Contains(one))
            {
                chosen.Add(one);
            }
        }
    }

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName) =>
        PromptForCredential(
            caption, message, userName, targetName, PSCredentialTypes.Default, PSCredentialUIOptions.Default);

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options)
    {
        var question = new HostQuestion("credential", caption, message)
        {
            User = userName ?? "",
            TypeName = typeof(PSCredential).FullName!,
        };
        if (Answers is { } answers)
        {
            return answers.Value<PSCredential>(question);
        }

        CheckInteractive(question);
        string heading = Heading(caption, message);
        if (string.IsNullOrEmpty(userName))
        {
            userName = Answer($"{heading}User: ");
            heading = "";
        }

        SecureString password = Secret($"{heading}Password for user {userName}: ");
        return new PSCredential(
            string.IsNullOrEmpty(targetName) || userName.Contains('\\') ? userName : $"{targetName}\\{userName}",
            password);
    }

    internal PSInvalidOperationException NobodyToAsk(string wanted) =>
        new($"PowerShell asks for {wanted}. This session has nobody to ask: give it as an argument "
            + (_host.HasConsole ? "or run in a terminal" : "or give the session answers, Session(answers=[...])"));

    private ProgramAnswers? Answers => _host.Answers is { } call ? new ProgramAnswers(call) : null;

    private static Type TypeOf(FieldDescription field) =>
        Type.GetType(field.ParameterAssemblyFullName, throwOnError: false)
        ?? (LanguagePrimitives.TryConvertTo(field.ParameterTypeFullName, out Type found) ? found : typeof(string));

    private static string Heading(string? caption, string? message)
    {
        var lines = new StringBuilder();
        if (!string.IsNullOrEmpty(caption))
        {
            lines.Append('\n').Append("\u001b[97m").Append(caption).Append("\u001b[0m\n");
        }

        if (!string.IsNullOrEmpty(message))
        {
            lines.Append(message).Append('\n');
        }

        return lines.ToString();
    }

    private void CheckInteractive(HostQuestion question)
    {
        if (!_host.HasConsole || Console.Ask("interactive") is null)
        {
            throw NobodyToAsk(question.Describe());
        }
    }

    private string Answer(string question) =>
        Console.Ask("ask", question) ?? throw new PipelineStoppedException();

    private SecureString Secret(string question)
    {
        var secret = new SecureString();
        foreach (char character in Console.Ask("secret", question) ?? throw new PipelineStoppedException())
        {
            secret.AppendChar(character);
        }

        secret.MakeReadOnly();
        return secret;
    }

    /// <summary>Ask for one item after another; an empty line ends the list.</summary>
    private object AskForList(StringBuilder question, FieldDescription field, Type type)
    {
        Type item = type.GetElementType() ?? typeof(object);
        var items = new ArrayList();
        while (AskForOne(question, $"{field.Name}[{items.Count}]: ", field, item, isItem: true) is { } answer)
        {
            items.Add(answer);
        }

        return LanguagePrimitives.TryConvertTo(items, type, out object list) ? list : items;
    }

    /// <summary>Ask until there is an answer of the type; null where the list is to end.</summary>
    private object? AskForOne(
        StringBuilder question, string label, FieldDescription field, Type type, bool isItem)
    {
        while (true)
        {
            string asked = question.Append(label).ToString();
            question.Clear();
            if (type == typeof(SecureString))
            {
                SecureString secret = Secret(asked);
                return isItem && secret.Length == 0 ? null : secret;
            }

            if (type == typeof(PSCredential))
            {
                return PromptForCredential("", asked, "", "");
            }

            string line = Answer(asked);
            if (isItem && line.Length == 0)
            {
                return null;
            }

            if (line == "!?" && field.Label.Length > 0)
            {
                string help = field.HelpMessage.Length > 0
                    ? field.HelpMessage
                    : $"No help is available for {field.Name}.";
                question.Append(help).Append('\n');
            }
            else if (TryConvert(line, type, field, out object? answer, out string problem))
            {
                return answer;
            }
            else
            {
                question.Append(problem);
            }
        }
    }

    private static bool TryConvert(
        string line, Type type, FieldDescription field, out object? answer, out string problem)
    {
        problem = "";
        answer = line;
        try
        {
            // What another machine asks for is its to convert: a cast can do things here.
            if (EngineMembers.Console.FromRemoteHost.Property?.GetValue(field) is not true)
            {
                answer = LanguagePrimitives.ConvertTo(line, type, CultureInfo.InvariantCulture);
            }

            return true;
        }
        catch (PSInvalidCastException error)
        {
            if (line.Length > 0)
            {
                string why = error.InnerException is OverflowException ? "an overflow" : "a format";
                problem = $"Cannot recognize \"{line}\" as a {type} due to {why} error.\n";
            }

            return false;
        }
    }
}
