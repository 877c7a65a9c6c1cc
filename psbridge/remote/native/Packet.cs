using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace PSBridge.Remote;

/// <summary>The engine's packets, as far as they have to be understood here.</summary>
internal static class Packet
{
    // MS-PSRP 2.2.1: a message is a destination (4 bytes), a type (4), two ids (16 each) and data;
    // its first fragment has 21 bytes before it.
    private const int FragmentHeader = 21;
    private const int MessageHeader = 40;
    private const uint ToClient = 1;
    private const uint RunspacePoolState = 0x00021005;
    private const uint PipelineState = 0x00041006;
    private const uint PoolHostCall = 0x00021100;
    private const uint PipelineHostCall = 0x00041100;
    private const byte Whole = 3; // a fragment that is the first of a message, and the last
    private const string Identity = "PSGuid='";

    public static bool IsCommand(string packet) => packet.StartsWith("<Command ", StringComparison.Ordinal);

    public static bool IsCommandAck(string packet) => packet.StartsWith("<CommandAck ", StringComparison.Ordinal);

    public static bool IsData(string packet) => packet.StartsWith("<Data ", StringComparison.Ordinal);

    public static bool IsDataAck(string packet) => packet.StartsWith("<DataAck ", StringComparison.Ordinal);

    public static bool IsSignal(string packet) => packet.StartsWith("<Signal ", StringComparison.Ordinal);

    public static bool IsSignalAck(string packet) => packet.StartsWith("<SignalAck ", StringComparison.Ordinal);

    public static bool IsClose(string packet) => packet.StartsWith("<Close ", StringComparison.Ordinal);

    public static bool IsCloseAck(string packet) => packet.StartsWith("<CloseAck ", StringComparison.Ordinal);

    /// <summary>Whose packet it is; the empty id is the session's.</summary>
    public static Guid IdOf(string packet)
    {
        int at = packet.IndexOf(Identity, StringComparison.Ordinal);
        return at >= 0 && Guid.TryParse(packet.AsSpan(at + Identity.Length, 36), out Guid id) ? id : Guid.Empty;
    }

    /// <summary>Whether it says that the session is open, or is not.</summary>
    public static bool IsSessionState(string packet) =>
        IsData(packet) && IdOf(packet) == Guid.Empty && MessageType(packet) == RunspacePoolState;

    /// <summary>What `exit` was given, where the packet asks the host to exit; else null.</summary>
    public static int? ExitCode(string packet)
    {
        if (!IsData(packet) || MessageType(packet) is not (PoolHostCall or PipelineHostCall))
        {
            return null;
        }

        int start = packet.IndexOf('>', StringComparison.Ordinal) + 1;
        byte[] fragment = Convert.FromBase64String(packet[start..packet.IndexOf('<', start)]);
        if (fragment.Length < FragmentHeader + MessageHeader || fragment[16] != Whole)
        {
            return null; // a long one is a text to be shown
        }

        // MS-PSRP 2.2.2.27: the call of the host's method 6, SetShouldExit, with one number.
        string call = Encoding.UTF8.GetString(fragment.AsSpan(FragmentHeader + MessageHeader));
        int method = call.IndexOf("N=\"mi\"", StringComparison.Ordinal);
        int parameters = call.IndexOf("N=\"mp\"", StringComparison.Ordinal);
        return method >= 0 && parameters > method
            && Number(call[method..parameters]) == 6 && Number(call[parameters..]) is { } code
                ? code
                : null;
    }

    private static int? Number(string text)
    {
        const string Begin = "<I32>";
        int at = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf("</I32>", StringComparison.Ordinal);
        return at >= Begin.Length && end > at
            && int.TryParse(text.AsSpan(at, end - at), CultureInfo.InvariantCulture, out int number)
                ? number
                : null;
    }

    public static string SignalAck(Guid id) => $"<SignalAck PSGuid='{id}' />";

    public static string CloseAck(Guid id) => $"<CloseAck PSGuid='{id}' />";

    /// <summary>Whether the message with which a pipeline ends begins in it.</summary>
    public static bool EndsPipeline(string packet)
    {
        if (!IsData(packet))
        {
            return false;
        }

        int start = packet.IndexOf('>', StringComparison.Ordinal) + 1;
        int end = packet.IndexOf('<', start);
        byte[] data = new byte[Math.Max(0, end - start) / 4 * 3];
        if (end < start || !Convert.TryFromBase64Chars(packet.AsSpan(start, end - start), data, out int length))
        {
            return false;
        }

        for (ReadOnlySpan<byte> rest = data.AsSpan(0, length); rest.Length >= FragmentHeader;)
        {
            int size = BinaryPrimitives.ReadInt32BigEndian(rest[17..]);
            bool begins = (rest[16] & 1) != 0;
            if (size < 0 || size > rest.Length - FragmentHeader)
            {
                return false;
            }

            // The far side sends a pipeline's state once: when it has ended.
            if (begins && size >= MessageHeader
                && BinaryPrimitives.ReadUInt32LittleEndian(rest[(FragmentHeader + 4)..]) == PipelineState)
            {
                return true;
            }

            rest = rest[(FragmentHeader + size)..];
        }

        return false;
    }

    /// <summary>The message with which a pipeline says that it has been stopped.</summary>
    public static string Stopped(Guid session, Guid pipeline) =>
        State(session, pipeline, "<I32 N=\"PipelineState\">3</I32>");

    /// <summary>The message with which a pipeline says that it has failed.</summary>
    /// <param name="session">The session's id.</param>
    /// <param name="pipeline">The pipeline's.</param>
    /// <param name="message">Why.</param>
    /// <param name="errorId">What the error is called.</param>
    /// <returns>The packet.</returns>
    public static string Failed(Guid session, Guid pipeline, string message, string errorId)
    {
        string text = CliXml(message);
        return State(
            session,
            pipeline,
            "<I32 N=\"PipelineState\">5</I32>"
            + "<Obj N=\"ExceptionAsErrorRecord\" RefId=\"1\">"
            + "<TN RefId=\"0\"><T>System.Management.Automation.ErrorRecord</T><T>System.Object</T></TN>"
            + $"<ToString>{text}</ToString><MS>"
            + "<Obj N=\"Exception\" RefId=\"2\">"
            + "<TN RefId=\"1\"><T>System.Management.Automation.Remoting.PSRemotingTransportException</T>"
            + "<T>System.Exception</T><T>System.Object</T></TN>"
            + $"<ToString>{text}</ToString><Props><S N=\"Message\">{text}</S></Props></Obj>"
            + "<Nil N=\"TargetObject\" />"
            + $"<S N=\"FullyQualifiedErrorId\">{CliXml(errorId)}</S>"
            + "<Nil N=\"InvocationInfo\" />"
            + $"<I32 N=\"ErrorCategory_Category\">{(int)System.Management.Automation.ErrorCategory.ConnectionError}</I32>"
            + "<S N=\"ErrorCategory_Activity\"></S>"
            + "<S N=\"ErrorCategory_Reason\">PSRemotingTransportException</S>"
            + "<S N=\"ErrorCategory_TargetName\"></S><S N=\"ErrorCategory_TargetType\"></S>"
            + $"<S N=\"ErrorCategory_Message\">{text}</S>"
            + "<B N=\"SerializeExtendedInfo\">false</B></MS></Obj>");
    }

    private static string State(Guid session, Guid pipeline, string properties)
    {
        byte[] data = Encoding.UTF8.GetBytes($"<Obj RefId=\"0\"><MS>{properties}</MS></Obj>");
        byte[] fragment = new byte[FragmentHeader + MessageHeader + data.Length];
        Span<byte> to = fragment;
        // The far side counts its objects from 1, so none has this number.
        BinaryPrimitives.WriteInt64BigEndian(to, long.MaxValue);
        to[16] = Whole;
        BinaryPrimitives.WriteInt32BigEndian(to[17..], MessageHeader + data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(to[21..], ToClient);
        BinaryPrimitives.WriteUInt32LittleEndian(to[25..], PipelineState);
        session.TryWriteBytes(to[29..]);
        pipeline.TryWriteBytes(to[45..]);
        data.CopyTo(to[(FragmentHeader + MessageHeader)..]);
        return $"<Data Stream='Default' PSGuid='{pipeline}'>{Convert.ToBase64String(fragment)}</Data>";
    }

    // Text as the engine's serializer writes it: what XML cannot hold is _xHHHH_.
    private static string CliXml(string text)
    {
        StringBuilder written = new(text.Length);
        foreach (char c in text)
        {
            written = c switch
            {
                '&' => written.Append("&amp;"),
                '<' => written.Append("&lt;"),
                '>' => written.Append("&gt;"),
                '_' or < ' ' or '\uFFFE' or '\uFFFF' => written.Append(CultureInfo.InvariantCulture, $"_x{(int)c:X4}_"),
                _ when char.IsSurrogate(c) => written.Append(CultureInfo.InvariantCulture, $"_x{(int)c:X4}_"),
                _ => written.Append(c),
            };
        }

        return written.ToString();
    }

    private static uint MessageType(string packet)
    {
        // 40 characters are 30 bytes, and the type ends with the 29th.
        int at = packet.IndexOf('>', StringComparison.Ordinal) + 1;
        Span<byte> start = stackalloc byte[30];
        return packet.Length >= at + 40
            && Convert.TryFromBase64Chars(packet.AsSpan(at, 40), start, out int length)
            && length == start.Length
                ? BinaryPrimitives.ReadUInt32LittleEndian(start[(FragmentHeader + 4)..])
                : 0;
    }
}
