using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PSBridge;

/// <summary>Lets a program of Python's answer a question; it sets its answer, or why there is none.</summary>
/// <param name="question">What PowerShell wants to know.</param>
public delegate void AnswerCall(HostQuestion question);

/// <summary>What PowerShell asks its host.</summary>
/// <param name="kind">Which of the host's questions it is: "text", "secret", "choice", "choices" or
/// "credential".</param>
/// <param name="caption">Its heading; may be empty.</param>
/// <param name="message">What it says; may be empty.</param>
public sealed class HostQuestion(string kind, string? caption, string? message)
{
    /// <summary>Which of the host's questions it is.</summary>
    public string Kind => kind;

    /// <summary>Its heading; may be empty.</summary>
    public string Caption => caption ?? "";

    /// <summary>What it says; may be empty.</summary>
    public string Message => message ?? "";

    /// <summary>What is wanted: a parameter's name, or what Read-Host asks; may be empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>The full name of the type of the answer.</summary>
    public string TypeName { get; init; } = "System.String";

    /// <summary>The help that there is; may be empty.</summary>
    public string Help { get; init; } = "";

    /// <summary>The user whose password is wanted; may be empty.</summary>
    public string User { get; init; } = "";

    /// <summary>The labels of the choices, without the mark of their keys.</summary>
    public string[] Choices { get; init; } = [];

    /// <summary>The choices that stand where nothing is chosen, by their place.</summary>
    public int[] Defaults { get; init; } = [];

    /// <summary>What a program has answered.</summary>
    public object? Answer { get; set; }

    /// <summary>Why it has not.</summary>
    public Exception? Failure { get; set; }

    /// <summary>The question in one line, for an error.</summary>
    /// <returns>All that it says.</returns>
    public string Describe()
    {
        string[] said = [Caption, Message, Name, string.Join("", Choices.Select(one => $"[{one}]"))];
        string text = string.Join(" ", said.Where(part => part.Length > 0));
        string what = kind switch
        {
            "secret" => "a text that is not shown",
            "credential" => "a credential",
            "choice" or "choices" => "a choice (-Confirm:$false asks for none)",
            _ => "a text",
        };
        return text.Length == 0 ? what : $"{what}, \"{string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}\"";
    }

    internal static HostQuestion OfChoices(
        string kind, string? caption, string? message, Collection<ChoiceDescription> choices, int[] defaults) =>
        new(kind, caption, message)
        {
            Choices = [.. choices.Select(one => ChoiceMenu.LabelOf(one))],
            Defaults = defaults,
            TypeName = "System.Int32",
        };

    internal static HostQuestion OfField(string? caption, string? message, FieldDescription field, Type type) =>
        new(KindOf(type), caption, message)
        {
            Name = field.Name,
            Help = field.HelpMessage ?? "",
            TypeName = type.FullName ?? type.Name,
        };

    private static string KindOf(Type type) =>
        type == typeof(System.Security.SecureString) ? "secret"
        : type == typeof(PSCredential) ? "credential"
        : "text";
}

/// <summary>The answers of a program to what PowerShell asks.</summary>
internal sealed class ProgramAnswers(AnswerCall call)
{
    /// <summary>Have a question answered by a value of a type.</summary>
    /// <exception cref="PSInvalidCastException">The answer is of no such type.</exception>
    internal T Value<T>(HostQuestion question) => (T)Value(question, typeof(T))!;

    /// <inheritdoc cref="Value{T}"/>
    internal object? Value(HostQuestion question, Type type)
    {
        object? answer = Ask(question);
        if (LanguagePrimitives.TryConvertTo(answer, type, out object? value))
        {
            return value;
        }

        // Not the answer itself: it may be a secret. Not an invalid operation: where a parameter is
        // missing, PowerShell says of that no more than that it is.
        throw new PSInvalidCastException(
            $"The answer is no {type.FullName}. PowerShell asked for {question.Describe()}");
    }

    /// <summary>Have one of several choices chosen.</summary>
    internal int Choice(HostQuestion question, Collection<ChoiceDescription> choices) =>
        Ask(question) switch
        {
            null when question.Defaults is [int standing] => standing,
            { } answer => Place(question, choices, answer),
            _ => throw Refused(question, "None"),
        };

    /// <summary>Have any of several choices chosen.</summary>
    internal Collection<int> Choices(HostQuestion question, Collection<ChoiceDescription> choices)
    {
        object? answer = Ask(question);
        IEnumerable<object> chosen = answer switch
        {
            null => question.Defaults.Cast<object>(),
            System.Collections.IEnumerable many and not string => many.Cast<object>(),
            _ => [answer],
        };
        return new Collection<int>(chosen.Select(one => Place(question, choices, one)).Distinct().ToList());
    }

    private static int Place(HostQuestion question, Collection<ChoiceDescription> choices, object answer) =>
        (answer is PSObject wrapped ? wrapped.BaseObject : answer) switch
        {
            int place when place >= 0 && place < choices.Count => place,
            long place when place >= 0 && place < choices.Count => (int)place,
            string text when new ChoiceMenu(choices).Find(text.Trim()) is { } place => place,
            { } other => throw Refused(question, $"{other}"),
        };

    private static PSInvalidOperationException Refused(HostQuestion question, string answer) =>
        new($"\"{answer}\" is none of the choices. PowerShell asked for {question.Describe()}");

    private object? Ask(HostQuestion question)
    {
        if (!Border.TryEnter())
        {
            throw new PipelineStoppedException();
        }

        try
        {
            call(question);
        }
        finally
        {
            Border.Leave();
        }

        return question.Failure is null ? question.Answer : throw question.Failure;
    }
}
