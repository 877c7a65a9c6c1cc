using System;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>Lets -Authentication be Ntlm, too, which PowerShell's own list does not have.</summary>
/// <remarks>
/// The parameter is one of Invoke-Command's, so its type cannot be another. On Windows, Negotiate
/// falls back to NTLM; here it is decided beforehand, and who wants NTLM must be able to say so.
/// (Completion offers the list's names only: for such a type, no completer is asked.)
/// </remarks>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WinRMAuthenticationAttribute : ArgumentTransformationAttribute
{
    private const string Name = "Ntlm";
    private const AuthenticationMechanism Ntlm = (AuthenticationMechanism)0x4E544C4D;

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Name.Equals(LanguagePrimitives.ConvertTo<string>(inputData), StringComparison.OrdinalIgnoreCase)
            ? Ntlm
            : inputData;

    /// <summary>What a request calls it.</summary>
    /// <param name="mechanism">The parameter's value.</param>
    /// <returns>The name.</returns>
    internal static string NameOf(AuthenticationMechanism mechanism) =>
        mechanism == Ntlm ? Name : mechanism.ToString();
}
