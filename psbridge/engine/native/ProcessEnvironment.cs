using System;
using System.Collections;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace PSBridge;

/// <summary>.NET's environment variables, and what Python has not heard of them yet.</summary>
/// <remarks>
/// .NET tells nobody when a variable changes, so what both sides agreed on last is kept and compared
/// with what is there now. Names and values that Python reads are in UTF-8, as children get them.
/// <para>Guarantee: nothing here calls Python, and the lock is held for no longer than a comparison
/// takes; so a thread that holds the GIL may call, and may wait for the lock.</para>
/// </remarks>
public static class ProcessEnvironment
{
    private static readonly object s_gate = new();
    private static readonly Check s_check = Differs;

    private static Dictionary<string, string> s_agreed = new();
    private static Dictionary<string, string> s_seen = new();

    private delegate int Check(nint name);

    /// <summary>The address of <c>int check(const char *name)</c>: 1 where a variable is not as
    /// agreed, and with no name where any is not, else 0. The name is in UTF-8.</summary>
    /// <remarks>For a call that keeps the GIL: it is made each time that Python reads.</remarks>
    public static long CheckAddress => Marshal.GetFunctionPointerForDelegate(s_check);

    /// <summary>Say what Python has, as the state that both sides agree on.</summary>
    /// <param name="variables"><c>NAME=VALUE</c>, each with a NUL behind it.</param>
    public static void Agree(string variables)
    {
        Dictionary<string, string> agreed = new();
        foreach (string variable in variables.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            int end = variable.IndexOf('=', 1);
            agreed[variable[..end]] = variable[(end + 1)..];
        }

        lock (s_gate)
        {
            s_agreed = agreed;
        }
    }

    /// <summary>What has changed here since the last agreement.</summary>
    /// <returns><c>NAME=VALUE</c> for what has another value or is new, <c>NAME</c> for what is
    /// gone, each with a NUL behind it.</returns>
    public static string Changes()
    {
        StringBuilder changes = new();
        lock (s_gate)
        {
            s_seen = Now();
            foreach ((string name, string value) in s_seen)
            {
                if (!s_agreed.TryGetValue(name, out string? before) || before != value)
                {
                    changes.Append(Sound(name)).Append('=').Append(Sound(value)).Append('\0');
                }
            }

            foreach (string name in s_agreed.Keys)
            {
                if (!s_seen.ContainsKey(name))
                {
                    changes.Append(Sound(name)).Append('\0');
                }
            }
        }

        return changes.ToString();
    }

    /// <summary>Agree on what the last <see cref="Changes"/> saw: Python has all of it now.</summary>
    public static void Accept()
    {
        lock (s_gate)
        {
            s_agreed = s_seen;
        }
    }

    /// <summary>Give a variable the value that it has in Python.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null removes it.</param>
    public static void Set(string name, string? value)
    {
        lock (s_gate)
        {
            // On Windows both have the same variables, and Python has just set it.
            if (!OperatingSystem.IsWindows())
            {
                Environment.SetEnvironmentVariable(name, value);
            }

            // Not `value`: before .NET 9 an empty one removes the variable.
            if (Environment.GetEnvironmentVariable(name) is string kept)
            {
                s_agreed[name] = kept;
            }
            else
            {
                s_agreed.Remove(name);
            }
        }
    }

    private static int Differs(nint name)
    {
        try
        {
            lock (s_gate)
            {
                return name == 0 ? AnyDiffers() : OneDiffers(Marshal.PtrToStringUTF8(name)!);
            }
        }
        catch (OutOfMemoryException)
        {
            return 0; // whoever reads next asks again
        }
    }

    private static int OneDiffers(string name)
    {
        s_agreed.TryGetValue(name, out string? agreed);
        return agreed == Environment.GetEnvironmentVariable(name) ? 0 : 1;
    }

    private static int AnyDiffers()
    {
        IDictionary now = Environment.GetEnvironmentVariables();
        if (now.Count != s_agreed.Count)
        {
            return 1;
        }

        foreach (DictionaryEntry variable in now)
        {
            if (!s_agreed.TryGetValue((string)variable.Key, out string? agreed)
                || agreed != (string?)variable.Value)
            {
                return 1;
            }
        }

        return 0;
    }

    private static Dictionary<string, string> Now()
    {
        Dictionary<string, string> now = new();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            now[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        return now;
    }

    // As the C library's store and each child have it: in bytes, which hold no half of a pair.
    private static string Sound(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
