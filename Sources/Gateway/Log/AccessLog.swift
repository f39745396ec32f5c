// AccessLog: one line per request. It runs for every answer when it is switched on, so it makes no
// strings: fields are bytes in, bytes out.
//
//     2026-11-22T15:20:58.123Z http  200 GET /v1/modules bytes=512 ms=0.812 client=127.0.0.1:5 id=7f

import Bytes

/// What the access log says about one request.
///
/// The bytes need to last for the call only.
package struct AccessRecord {
    /// The method as received; empty if no request could be read.
    package var method: UnsafeRawBufferPointer
    /// The target as received.
    package var target: UnsafeRawBufferPointer
    /// The status of the answer.
    package var status: Int
    /// Bytes of the answer's body.
    package var byteCount: Int
    /// Nanoseconds from the first byte of the request to the last of the answer.
    package var nanoseconds: Int
    /// Address of the client.
    package var client: UnsafeRawBufferPointer
    /// The request id.
    package var requestID: UnsafeRawBufferPointer

    /// Makes a record.
    package init(
        method: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer, status: Int,
        byteCount: Int, nanoseconds: Int, client: UnsafeRawBufferPointer,
        requestID: UnsafeRawBufferPointer
    ) {
        self.method = method
        self.target = target
        self.status = status
        self.byteCount = byteCount
        self.nanoseconds = nanoseconds
        self.client = client
        self.requestID = requestID
    }
}

/// Composes the lines of the access log.
enum AccessLog {
    /// Most bytes of a target that are written; the rest is cut.
    static let targetLimit = 2 << 10

    /// Appends the line of `record` with its line end.
    static func append(
        _ record: AccessRecord, at moment: LogMoment, format: Settings.Log.Format,
        to buffer: inout ByteBuffer
    ) {
        switch format {
        case .text: appendText(record, moment, &buffer)
        case .json: appendJSON(record, moment, &buffer)
        }
    }

    private static func appendText(
        _ record: AccessRecord, _ moment: LogMoment, _ buffer: inout ByteBuffer
    ) {
        moment.append(to: &buffer)
        buffer.append(" http  ")
        buffer.append(decimal: record.status)
        buffer.append(UInt8(ascii: " "))
        append(word: record.method, &buffer)
        buffer.append(UInt8(ascii: " "))
        append(target: record.target, &buffer)
        buffer.append(" bytes=")
        buffer.append(decimal: record.byteCount)
        buffer.append(" ms=")
        append(record.nanoseconds, unit: 1_000_000, decimals: 3, &buffer)
        buffer.append(" client=")
        append(word: record.client, &buffer)
        buffer.append(" id=")
        append(word: record.requestID, &buffer)
        buffer.append(UInt8(ascii: "\n"))
    }

    private static func appendJSON(
        _ record: AccessRecord, _ moment: LogMoment, _ buffer: inout ByteBuffer
    ) {
        buffer.append("{\"time\":\"")
        moment.append(to: &buffer)
        buffer.append("\",\"level\":\"info\",\"logger\":\"access\",\"message\":\"request\"")
        buffer.append(",\"status\":")
        buffer.append(decimal: record.status)
        buffer.append(",\"method\":\"")
        append(word: record.method, &buffer)
        buffer.append("\",\"target\":\"")
        append(target: record.target, &buffer)
        buffer.append("\",\"bytes\":")
        buffer.append(decimal: record.byteCount)
        buffer.append(",\"seconds\":")
        append(record.nanoseconds, unit: 1_000_000_000, decimals: 6, &buffer)
        buffer.append(",\"client\":\"")
        append(word: record.client, &buffer)
        buffer.append("\",\"request_id\":\"")
        append(word: record.requestID, &buffer)
        buffer.append("\"}\n")
    }

    /// Appends `nanoseconds` as a decimal fraction of `unit`, cut after `decimals` digits.
    private static func append(
        _ nanoseconds: Int, unit: Int, decimals: Int, _ buffer: inout ByteBuffer
    ) {
        // A clock that went backwards is no reason for a minus sign.
        let value = max(nanoseconds, 0)
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        buffer.append(decimal: value / unit)
        buffer.append(UInt8(ascii: "."))
        LogMoment.append(value % unit / (unit / scale), digits: decimals, to: &buffer)
    }

    /// Appends `bytes`, or a dash if there are none.
    private static func append(word bytes: UnsafeRawBufferPointer, _ buffer: inout ByteBuffer) {
        if bytes.isEmpty {
            buffer.append(UInt8(ascii: "-"))
        } else {
            append(visible: bytes, &buffer)
        }
    }

    /// Appends `bytes`; those that could break out of a line or a JSON string are %-encoded.
    ///
    /// In a target that means the same (RFC 3986 §2.1), in other fields it shows what came.
    private static func append(visible bytes: UnsafeRawBufferPointer, _ buffer: inout ByteBuffer) {
        for byte in bytes {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                buffer.append(byte)
            } else {
                buffer.append(UInt8(ascii: "%"))
                buffer.append(ASCII.hexDigit(Int(byte) >> 4))
                buffer.append(ASCII.hexDigit(Int(byte)))
            }
        }
    }
}

// MARK: - Targets

extension AccessLog {
    /// Appends a target; values of its query that are secrets by their name become `***`.
    private static func append(target: UnsafeRawBufferPointer, _ buffer: inout ByteBuffer) {
        guard !target.isEmpty else {
            buffer.append(UInt8(ascii: "-"))
            return
        }
        let shown = UnsafeRawBufferPointer(rebasing: target.prefix(targetLimit))
        if let mark = shown.firstIndex(of: UInt8(ascii: "?")) {
            append(visible: slice(shown, 0, mark + 1), &buffer)
            append(query: slice(shown, mark + 1, shown.count), &buffer)
        } else {
            append(visible: shown, &buffer)
        }
        if shown.count < target.count { buffer.append("...") }
    }

    private static func append(query: UnsafeRawBufferPointer, _ buffer: inout ByteBuffer) {
        var start = 0
        while start < query.count {
            var end = start
            var equals: Int?
            while end < query.count, query[end] != UInt8(ascii: "&") {
                if equals == nil, query[end] == UInt8(ascii: "=") { equals = end }
                end += 1
            }
            if let equals, isSecret(slice(query, start, equals)) {
                append(visible: slice(query, start, equals + 1), &buffer)
                buffer.append("***")
            } else {
                append(visible: slice(query, start, end), &buffer)
            }
            if end < query.count { buffer.append(UInt8(ascii: "&")) }
            start = end + 1
        }
    }

    /// Whether `name` is one under which tokens and passwords usually travel.
    private static func isSecret(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 3: ASCII.equals(name, "key") || ASCII.equals(name, "pwd") || ASCII.equals(name, "sig")
        case 4: ASCII.equals(name, "code") || ASCII.equals(name, "auth")
        case 5: ASCII.equals(name, "token")
        case 6: ASCII.equals(name, "secret") || ASCII.equals(name, "apikey")
        case 7: ASCII.equals(name, "api_key") || ASCII.equals(name, "session")
        case 8: ASCII.equals(name, "password") || ASCII.equals(name, "id_token")
        case 9: ASCII.equals(name, "signature")
        case 12: ASCII.equals(name, "access_token")
        case 13: ASCII.equals(name, "refresh_token") || ASCII.equals(name, "client_secret")
        default: false
        }
    }

    private static func slice(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int
    ) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
