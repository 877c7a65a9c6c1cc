using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>A script block and the session that it comes from, in which it runs.</summary>
/// <param name="block">The block.</param>
public sealed class SessionScript(ScriptBlock block)
{
    private readonly Runspace? _session = Runspace.DefaultRunspace;

    /// <summary>Run it.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>Its output.</returns>
    /// <exception cref="SessionNeededException">This thread is in no pipeline of the session.</exception>
    public Collection<PSObject> Run(object?[] arguments)
    {
        ScriptMembers.RefuseCode(block, _session);
        return block.Invoke(arguments);
    }
}
