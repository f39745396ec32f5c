// WireReaders: drive the parsers and the decoder as a connection does, and keep a log of events.

import Bytes
import HTTPWire

/// The body of the message that is being read.
struct BodyReader {
    enum Progress { case needMore, complete, failed }

    private var left: Int?
    private var decoder: ChunkedDecoder?
    private(set) var data: [UInt8] = []
    var maxOutput = Int.max

    init(_ framing: BodyFraming, limits: WireLimits, isResponse: Bool) {
        switch framing {
        case .none: left = 0
        case .length(let count): left = count
        case .chunked: decoder = ChunkedDecoder(limits: limits, isResponse: isResponse)
        case .untilClose: left = Int.max
        }
    }

    mutating func read(_ pending: inout ArraySlice<UInt8>, log: inout [String]) -> Progress {
        if let left {
            let part = pending.prefix(left)
            data += part
            pending = pending.dropFirst(part.count)
            self.left = left == Int.max ? left : left - part.count
            return self.left == 0 ? .complete : .needMore
        }
        while true {
            var output = ByteBuffer()
            let result: (consumed: Int, isComplete: Bool)?
            do throws(WireError) {
                result = try withBytes(Array(pending)) { (bytes) throws(WireError) in
                    try decoder?.decode(bytes, into: &output, maxOutput: maxOutput)
                }
            } catch {
                log.append(describe(error))
                return .failed
            }
            data += output.array()
            guard let result else { return .failed }
            pending = pending.dropFirst(result.consumed)
            if result.isComplete { return .complete }
            if pending.isEmpty { return .needMore }
            if result.consumed == 0 {
                log.append("stuck")
                return .failed
            }
        }
    }
}

/// One line for an error.
func describe(_ error: WireError) -> String {
    switch error {
    case .peer(let fault, let status):
        "error \(fault) \(status) \(error.closesConnection ? "close" : "open")"
    case .misuse(let misuse):
        "misuse \(misuse)"
    }
}

/// One line for a framing, or nil for none.
func describe(_ framing: BodyFraming) -> String? {
    switch framing {
    case .none: nil
    case .length(let count): "body length \(count)"
    case .chunked: "body chunked"
    case .untilClose: "body untilClose"
    }
}

/// Reads requests as a server does.
final class RequestReader: VectorReader {
    private let parser: RequestParser
    private var head = RequestHead()
    private var pending: ArraySlice<UInt8> = []
    private var consumed = 0
    private var body: BodyReader?
    private var hasFailed = false
    private var log: [String] = []

    init(_ vector: Vector) {
        parser = RequestParser(limits: vector.limits)
    }

    func feed(_ bytes: ArraySlice<UInt8>) {
        pending += bytes
        while !hasFailed, body == nil ? readHead() : readBody() {}
    }

    func finish() -> [String] {
        if !hasFailed {
            if body != nil {
                log.append("more body")
            } else if !pending.isEmpty {
                log.append("more head")
            }
        }
        return log
    }

    private func readBody() -> Bool {
        let before = pending.count
        let progress = body?.read(&pending, log: &log)
        consumed += before - pending.count
        guard progress == .complete else {
            hasFailed = progress == .failed
            return false
        }
        log.append("data " + Vector.escape(body?.data ?? []))
        log.append("end \(consumed)")
        body = nil
        return true
    }

    private func readHead() -> Bool {
        guard !pending.isEmpty else { return false }
        let input = Array(pending)
        do throws(WireError) {
            switch try parser.parse(input.span, into: &head) {
            case .needMore: return false
            case .complete(let count):
                if count != head.byteCount { log.append("wrong byteCount") }
            }
        } catch {
            log.append(describe(error))
            hasFailed = error.closesConnection
            if hasFailed { return false }
        }
        input.withUnsafeBytes { note($0) }
        pending = pending.dropFirst(head.byteCount)
        consumed += head.byteCount
        if head.framing == .none {
            log.append("end \(consumed)")
        } else {
            body = BodyReader(head.framing, limits: parser.limits, isResponse: false)
        }
        return true
    }

    private func note(_ bytes: UnsafeRawBufferPointer) {
        func text(_ range: ByteRange) -> String { Vector.escape(bytes[range]) }
        let method = head.method.name?.description ?? "other:" + text(head.methodRange)
        let form = head.form == .origin ? "" : " \(head.form)"
        log.append("request \(method) \(text(head.target)) 1.\(head.versionMinor)\(form)")
        if !head.path.isEmpty {
            log.append("path \(text(head.path))\(head.pathIsPlain ? "" : " raw")")
        }
        if let query = head.query { log.append("query \(text(query))") }
        if !head.authority.isEmpty { log.append("authority \(text(head.authority))") }
        for index in 0..<head.fieldCount {
            let field = head.field(at: index)
            log.append("field \(text(field.name)): \(text(field.value))")
            check(field, text, &log)
        }
        if let body = describe(head.framing) { log.append(body) }
        if head.hasUpgrade { log.append("upgrade") }
        if head.expectsContinue { log.append("continue") }
        if !head.keepAlive { log.append("close") }
    }

    /// What the head knows about a field must agree with its name.
    private func check(
        _ field: (name: ByteRange, value: ByteRange, known: KnownField),
        _ text: (ByteRange) -> String, _ log: inout [String]
    ) {
        let name = text(field.name).lowercased()
        let known = KnownField.allCases.first { $0.name?.description.lowercased() == name }
        if field.known != known ?? .other { log.append("wrong known \(field.known)") }
        guard let known else { return }
        for index in 0..<head.fieldCount where head.field(at: index).known == known {
            if head.first(known) != head.field(at: index).value { log.append("wrong first") }
            break
        }
    }
}

/// Reads responses as a client does.
final class ResponseReader: VectorReader {
    private let parser: ResponseParser
    private let method: HTTPWire.Method
    private var head = ResponseHead()
    private var pending: ArraySlice<UInt8> = []
    private var consumed = 0
    private var body: BodyReader?
    private var hasFailed = false
    private var keepsAlive = true
    private var isDone = false
    private var log: [String] = []

    init(_ vector: Vector) {
        parser = ResponseParser(limits: vector.limits)
        method = vector.method
    }

    func feed(_ bytes: ArraySlice<UInt8>) {
        pending += bytes
        while !hasFailed, !isDone, body == nil ? readHead() : readBody() {}
    }

    func finish() -> [String] {
        guard !hasFailed else { return log }
        if let body {
            if head.framing == .untilClose {
                end(body.data)
            } else {
                log.append("more body")
            }
        } else if isDone {
            if !pending.isEmpty { log.append("extra \(pending.count)") }
        } else if !pending.isEmpty {
            log.append("more head")
        }
        return log
    }

    private func end(_ data: [UInt8]?) {
        if let data { log.append("data " + Vector.escape(data)) }
        log.append("end \(consumed)")
        keepsAlive = keepsAlive && head.keepAlive
        // Behind an interim response comes the final one, whatever is to become of the connection.
        isDone = !head.isInterim && !keepsAlive || head.status == 101
        if method == .connect, 200..<300 ~= head.status { isDone = true }
    }

    private func readBody() -> Bool {
        let before = pending.count
        let progress = body?.read(&pending, log: &log)
        consumed += before - pending.count
        guard progress == .complete else {
            hasFailed = progress == .failed
            return false
        }
        end(body?.data ?? [])
        body = nil
        return true
    }

    private func readHead() -> Bool {
        guard !pending.isEmpty else { return false }
        let input = Array(pending)
        do throws(WireError) {
            switch try parser.parse(input.span, to: method, into: &head) {
            case .needMore: return false
            case .complete(let count):
                if count != head.byteCount { log.append("wrong byteCount") }
            }
        } catch {
            log.append(describe(error))
            hasFailed = true
            return false
        }
        input.withUnsafeBytes { note($0) }
        pending = pending.dropFirst(head.byteCount)
        consumed += head.byteCount
        if head.framing == .none {
            end(nil)
        } else {
            body = BodyReader(head.framing, limits: parser.limits, isResponse: true)
        }
        return true
    }

    private func note(_ bytes: UnsafeRawBufferPointer) {
        func text(_ range: ByteRange) -> String { Vector.escape(bytes[range]) }
        log.append("response \(head.status) 1.\(head.versionMinor) \(text(head.reason))")
        for index in 0..<head.fieldCount {
            let field = head.field(at: index)
            log.append("field \(text(field.name)): \(text(field.value))")
        }
        if let body = describe(head.framing) { log.append(body) }
        if head.isInterim { log.append("interim") }
        if !head.keepAlive { log.append("close") }
    }
}

/// Reads one body in chunked coding.
final class ChunkedReader: VectorReader {
    private var body: BodyReader
    private var pending: ArraySlice<UInt8> = []
    private var consumed = 0
    private var progress = BodyReader.Progress.needMore
    private var log: [String] = []

    init(_ vector: Vector, maxOutput: Int = Int.max) {
        body = BodyReader(.chunked, limits: vector.limits, isResponse: false)
        body.maxOutput = maxOutput
    }

    func feed(_ bytes: ArraySlice<UInt8>) {
        guard progress == .needMore else { return }
        pending += bytes
        let before = pending.count
        progress = body.read(&pending, log: &log)
        consumed += before - pending.count
    }

    func finish() -> [String] {
        switch progress {
        case .needMore: log.append("more body")
        case .failed: break
        case .complete:
            log.append("data " + Vector.escape(body.data))
            log.append("end \(consumed)")
        }
        return log
    }
}
