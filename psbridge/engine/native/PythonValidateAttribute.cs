using System.Management.Automation;

namespace PSBridge;

/// <summary>Lets a Python function refuse an argument, or one in a list of them.</summary>
/// <param name="key">The function's name; see <see cref="PythonFunctions"/>.</param>
public sealed class PythonValidateAttribute(string key) : ValidateEnumeratedArgumentsAttribute
{
    /// <inheritdoc/>
    protected override void ValidateElement(object element)
    {
        PythonAnswer answer = PythonFunctions.Call(key, element);
        if (answer.Error is not null)
        {
            throw new ValidationMetadataException(answer.Error);
        }

        if (answer.Value is false)
        {
            throw new ValidationMetadataException($"The value \"{element}\" is not accepted.");
        }
    }
}
