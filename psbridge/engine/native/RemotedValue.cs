using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Net;
using System.Numerics;
using System.Text.RegularExpressions;

namespace PSBridge;

/// <summary>Values that PowerShell's serialization takes apart on the way from another process.</summary>
/// <remarks>
/// What it does not know arrives as a bag of properties with the text of the object. Those that are
/// plain values can be made again from that.
/// </remarks>
public static class RemotedValue
{
    private const string Deserialized = "Deserialized.";

    private static readonly string s_record = typeof(PSCustomObject).FullName!;

    private static readonly Dictionary<string, Func<PSObject, object?>> s_makers = new()
    {
        [typeof(BigInteger).FullName!] = item => BigInteger.Parse(Text(item), CultureInfo.InvariantCulture),
        [typeof(Int128).FullName!] = item => Int128.Parse(Text(item), CultureInfo.InvariantCulture),
        [typeof(UInt128).FullName!] = item => UInt128.Parse(Text(item), CultureInfo.InvariantCulture),
        [typeof(Half).FullName!] = item => Half.Parse(Text(item), CultureInfo.InvariantCulture),
        [typeof(Complex).FullName!] = item => new Complex(Get<double>(item, "Real"), Get<double>(item, "Imaginary")),
        [typeof(DateTimeOffset).FullName!] = item =>
            new DateTimeOffset(Get<long>(item, "Ticks"), Get<TimeSpan>(item, "Offset")),
        [typeof(DateOnly).FullName!] = item => DateOnly.FromDayNumber(Get<int>(item, "DayNumber")),
        [typeof(TimeOnly).FullName!] = item => new TimeOnly(Get<long>(item, "Ticks")),
        [typeof(DBNull).FullName!] = _ => DBNull.Value,
        [typeof(IPNetwork).FullName!] = item => IPNetwork.Parse(Text(item)),
        [typeof(SemanticVersion).FullName!] = item => SemanticVersion.Parse(Text(item)),
        [typeof(Regex).FullName!] = item =>
            new Regex(Text(item), Enum.Parse<RegexOptions>(Text(item.Properties["Options"]?.Value ?? ""))),
    };

    /// <summary>Whether it was an object of .NET's, and not one made of properties alone.</summary>
    /// <param name="item">An object that is made of properties alone here.</param>
    /// <returns>Whether it was more where it comes from.</returns>
    internal static bool IsOne(PSObject item)
    {
        IReadOnlyList<string> names = CustomRecord.TypeNamesOf(item);
        return names.Count > 0 && names[0].StartsWith(Deserialized, StringComparison.Ordinal)
            && !names.Any(name => name.EndsWith(s_record, StringComparison.Ordinal));
    }

    /// <summary>Make the value again.</summary>
    /// <param name="item">What came of it.</param>
    /// <returns>The value; null where it is none of those that can be made again.</returns>
    internal static object? Revive(PSObject item)
    {
        try
        {
            return s_makers.TryGetValue(item.TypeNames.First()[Deserialized.Length..], out Func<PSObject, object?>? make)
                ? make(item)
                : null;
        }
        catch (Exception)
        {
            return null; // another version, which writes it in another way
        }
    }

    /// <summary>The name of an enum's value, and that of the enum, where a number has come from one.</summary>
    /// <param name="item">The number.</param>
    /// <returns>The two names; null where it is a number.</returns>
    public static string[]? EnumOf(PSObject item)
    {
        IReadOnlyList<string> names = CustomRecord.TypeNamesOf(item);
        return names.Count > 1 && names[1] == Deserialized + "System.Enum"
            ? [Text(item), names[0][Deserialized.Length..]]
            : null;
    }

    /// <summary>Find an enum's value.</summary>
    /// <param name="typeName">The full name of the enum.</param>
    /// <param name="name">The name of the value.</param>
    /// <returns>The value; null where this process knows no such enum.</returns>
    public static object? ToEnum(string typeName, string name) =>
        LanguagePrimitives.TryConvertTo(typeName, out Type type) && type.IsEnum
        && Enum.TryParse(type, name, out object? value)
            ? value
            : null;

    private static string Text(object item) => item.ToString() ?? "";

    private static T Get<T>(PSObject item, string name) =>
        (T)PSObject.AsPSObject(item.Properties[name].Value).BaseObject;
}
