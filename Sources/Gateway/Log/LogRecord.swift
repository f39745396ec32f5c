// LogRecord: one record as one line, in words or as a JSON object. Where lines go is LogSink's and
// LogTarget's business; requests have lines of their own (AccessLog).

import Bytes
import Logging

/// One record, and how it is written.
struct LogRecord {
    /// When it happened.
    var moment: LogMoment
    /// How grave it is.
    var level: Logger.Level
    /// Who says it.
    var label: String
    /// What happened.
    var message: String
    /// The particulars.
    var metadata: Logger.Metadata

    /// Deepest nesting of metadata that is written.
    static let depthLimit = 8

    /// Appends the record with its line end.
    func append(to buffer: inout ByteBuffer, format: Settings.Log.Format, colours: Bool) {
        switch format {
        case .text: appendText(to: &buffer, colours: colours)
        case .json: appendJSON(to: &buffer)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    // TIME SP LEVEL SP MESSAGE (SP KEY=VALUE)*, the level five columns wide.
    private func appendText(to buffer: inout ByteBuffer, colours: Bool) {
        moment.append(to: &buffer)
        buffer.append(UInt8(ascii: " "))
        if colours {
            buffer.append(level.colour)
            buffer.append(level.column)
            buffer.append("\u{1B}[0m")
        } else {
            buffer.append(level.column)
        }
        buffer.append(UInt8(ascii: " "))
        LogText.append(message, to: &buffer)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            buffer.append(UInt8(ascii: " "))
            LogText.append(word: key, to: &buffer)
            buffer.append(UInt8(ascii: "="))
            switch value {
            case .string(let text): LogText.append(word: text, to: &buffer)
            case .stringConvertible(let object):
                LogText.append(word: object.description, to: &buffer)
            case .array, .dictionary: Self.append(value, to: &buffer, depth: 0)
            }
        }
    }

    private func appendJSON(to buffer: inout ByteBuffer) {
        buffer.append("{\"time\":\"")
        moment.append(to: &buffer)
        buffer.append("\",\"level\":\"")
        buffer.append(text: level.rawValue)
        buffer.append("\",\"logger\":")
        LogText.append(json: label, to: &buffer)
        buffer.append(",\"message\":")
        LogText.append(json: message, to: &buffer)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            buffer.append(UInt8(ascii: ","))
            let isTaken = ["time", "level", "logger", "message"].contains(key)
            LogText.append(json: isTaken ? key + "_" : key, to: &buffer)
            buffer.append(UInt8(ascii: ":"))
            Self.append(value, to: &buffer, depth: 0)
        }
        buffer.append(UInt8(ascii: "}"))
    }

    private static func append(
        _ value: Logger.MetadataValue, to buffer: inout ByteBuffer, depth: Int
    ) {
        guard depth < depthLimit else {
            buffer.append("\"…\"")
            return
        }
        switch value {
        case .string(let text): LogText.append(json: text, to: &buffer)
        case .stringConvertible(let object): append(object, to: &buffer)
        case .array(let elements):
            buffer.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                append(element, to: &buffer, depth: depth + 1)
            }
            buffer.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            buffer.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                LogText.append(json: member.key, to: &buffer)
                buffer.append(UInt8(ascii: ":"))
                append(member.value, to: &buffer, depth: depth + 1)
            }
            buffer.append(UInt8(ascii: "}"))
        }
    }

    private static func append(
        _ object: any CustomStringConvertible, to buffer: inout ByteBuffer
    ) {
        switch object {
        case let flag as Bool: buffer.append(flag ? "true" : "false")
        case let number as any BinaryInteger: buffer.append(text: number.description)
        case let number as Double where number.isFinite: buffer.append(text: number.description)
        default: LogText.append(json: object.description, to: &buffer)
        }
    }
}

extension Logger.Level {
    /// The level, five columns wide.
    var column: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info "
        case .notice: "note "
        case .warning: "warn "
        case .error: "error"
        case .critical: "crit "
        }
    }

    /// The terminal sequence that colours the level (ECMA-48 §8.3.117).
    var colour: StaticString {
        switch self {
        case .trace: "\u{1B}[90m"
        case .debug: "\u{1B}[36m"
        case .info: "\u{1B}[32m"
        case .notice: "\u{1B}[34m"
        case .warning: "\u{1B}[33m"
        case .error: "\u{1B}[31m"
        case .critical: "\u{1B}[1;31m"
        }
    }

    /// The level of the configuration as swift-log has it; the names are the same.
    init(_ level: Settings.Log.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .critical
        }
    }
}
