using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace PSBridge;

/// <summary>Lets a Python function offer values for an argument.</summary>
/// <param name="key">The function's name; see <see cref="PythonFunctions"/>.</param>
public sealed class PythonCompleteAttribute(string key) : ArgumentCompleterAttribute, IArgumentCompleterFactory
{
    /// <inheritdoc/>
    public IArgumentCompleter Create() => new Completer(key);

    private sealed class Completer(string key) : IArgumentCompleter
    {
        public IEnumerable<CompletionResult> CompleteArgument(
            string commandName,
            string parameterName,
            string wordToComplete,
            CommandAst commandAst,
            IDictionary fakeBoundParameters)
        {
            // A completion that fails offers nothing: the user is in the middle of a line.
            PythonAnswer answer = PythonFunctions.Call(key, Unquoted(wordToComplete), fakeBoundParameters);
            return answer.Value is string[][] offers ? offers.Select(Result) : [];
        }

        private static string Unquoted(string word) =>
            word.Length > 0 && word[0] is '\'' or '"' ? word.Trim(word[0]) : word;

        private static CompletionResult Result(string[] offer)
        {
            string text = offer[0];
            bool plain = text.Length > 0 && text.All(c => char.IsLetterOrDigit(c) || "_-.:/\\".Contains(c));
            string quoted = plain ? text : $"'{CodeGeneration.EscapeSingleQuotedStringContent(text)}'";
            string shown = text.Length == 0 ? "''" : text;
            return new CompletionResult(
                quoted, shown, CompletionResultType.ParameterValue, offer[1].Length == 0 ? shown : offer[1]);
        }
    }
}
