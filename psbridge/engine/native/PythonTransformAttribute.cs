using System.Management.Automation;

namespace PSBridge;

/// <summary>Lets a Python function change an argument before it is converted.</summary>
/// <param name="key">The function's name; see <see cref="PythonFunctions"/>.</param>
public sealed class PythonTransformAttribute(string key) : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        PythonAnswer answer = PythonFunctions.Call(key, inputData);
        return answer.Error is null ? answer.Value : throw new ArgumentTransformationMetadataException(answer.Error);
    }
}
