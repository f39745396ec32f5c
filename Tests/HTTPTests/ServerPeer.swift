// ServerPeer: a client of which a test decides every byte, plain or TLS, and the answers it got.

import Bytes
import Foundation
import HTTPWire
import TLS
import Testing

@testable import HTTP

/// The far end of a connection.
final class ServerPeer {
    /// Whether it takes what the server sends.
    var isReading = true
    /// All that came, decrypted.
    private(set) var received: [UInt8] = []
    /// The server has ended its stream.
    private(set) var isAtEnd = false
    /// The connection was reset.
    private(set) var wasReset = false
    /// The server has said, on TLS, that it sends no more.
    private(set) var sawCloseNotify = false
    /// Why TLS failed.
    private(set) var failure: TLSError?

    private var number: Int32
    private let session: TLSSession?
    private var outgoing = ByteBuffer()
    private var endsAfterSending = false

    init(_ number: Int32, _ session: TLSSession?) {
        self.number = number
        self.session = session
    }

    deinit { close() }

    /// What came, as text.
    var text: String { String(decoding: received, as: UTF8.self) }

    /// Begins the handshake, on TLS.
    func shakeHands() {
        guard let session else { return }
        _ = session.start(into: &outgoing)
        pump()
    }

    /// Sends `text` as soon as the socket takes it; on TLS as one record, if it fits.
    func send(_ text: String) { send(Array(text.utf8)) }

    /// Sends `bytes` as soon as the socket takes them.
    func send(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        if let session {
            bytes.withUnsafeBytes { try? session.send($0, into: &outgoing) }
        } else {
            outgoing.append(bytes)
        }
        pump()
    }

    /// Sends bytes past TLS.
    func sendRaw(_ bytes: [UInt8]) {
        outgoing.append(bytes)
        pump()
    }

    /// Says that it will send nothing more: close_notify on TLS, the end of the stream otherwise.
    func finish() {
        if let session {
            session.close(into: &outgoing)
        } else {
            endsAfterSending = true
        }
        pump()
    }

    /// Ends its side of the transport, on TLS without close_notify.
    func finishTransport() {
        endsAfterSending = true
        pump()
    }

    /// Goes away.
    func close() {
        if number >= 0 { Glibc.close(number) }
        number = -1
    }

    /// Goes away with a reset.
    func reset() {
        SocketOption.resetAtClose(number)
        close()
    }

    /// Makes the socket's buffers as small as the kernel allows.
    func shrinkBuffers() {
        SocketOption.set(number, SOL_SOCKET, SO_RCVBUF, 1)
        SocketOption.set(number, SOL_SOCKET, SO_SNDBUF, 1)
    }

    /// Sends and receives what can be; returns whether anything moved.
    @discardableResult
    func pump() -> Bool {
        guard number >= 0 else { return false }
        let wasAtEnd = isAtEnd
        let sent = flush()
        let read = isReading && readSome()
        return sent || read || isAtEnd != wasAtEnd
    }

    private func flush() -> Bool {
        var moved = false
        while !outgoing.isEmpty {
            let bytes = outgoing.readable
            let count = Glibc.send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else {
                if errno != EAGAIN { outgoing.removeAll() }
                return moved
            }
            outgoing.consume(count)
            moved = true
        }
        if endsAfterSending {
            endsAfterSending = false
            shutdown(number, Int32(SHUT_WR))
            moved = true
        }
        return moved
    }

    private func readSome() -> Bool {
        var moved = false
        while !isAtEnd {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = recv(number, &bytes, bytes.count, 0)
            guard count > 0 else {
                if count == 0 || errno != EAGAIN {
                    isAtEnd = true
                    wasReset = count < 0
                }
                return moved
            }
            moved = true
            take(Array(bytes.prefix(count)))
        }
        return moved
    }

    /// Takes up to `limit` bytes that came, also while it is not reading.
    func readOnce(_ limit: Int) {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(number, &bytes, bytes.count, 0)
        if count > 0 { take(Array(bytes.prefix(count))) }
    }

    private func take(_ bytes: [UInt8]) {
        guard let session, failure == nil else {
            received += bytes
            return
        }
        var plain = ByteBuffer()
        let progress = bytes.withUnsafeBytes {
            session.receive($0, plaintext: &plain, ciphertext: &outgoing)
        }
        received += plain.array()
        if progress == .peerClosed { sawCloseNotify = true }
        if case .failed(let error) = progress { failure = error }
        if failure == .plainHTTP { received += bytes }
        _ = flush()
    }

    // MARK: Answers

    /// The answers in what came; `heads` are the places of those to HEAD.
    ///
    /// - Throws: if they are malformed, or bytes are left over.
    func answers(heads: Set<Int> = []) throws -> [StageAnswer] {
        let (answers, rest) = try StageAnswer.parse(received, heads: heads, isAtEnd: isAtEnd)
        try #require(rest == 0, "\(rest) bytes are left over in \(text.suffix(300))")
        return answers
    }

    /// The status codes of the answers.
    func statuses(heads: Set<Int> = []) throws -> [Int] {
        try answers(heads: heads).map(\.status)
    }
}

/// One answer.
struct StageAnswer: Equatable {
    /// Why bytes are no answer.
    struct Malformed: Error { let text: String }

    let status: Int
    let fields: [String: String]
    let body: String

    /// Takes `bytes` apart; returns also how many are left over.
    static func parse(
        _ bytes: [UInt8], heads: Set<Int>, isAtEnd: Bool
    ) throws -> ([StageAnswer], Int) {
        var answers: [StageAnswer] = []
        var rest = bytes[...]
        while let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) {
            let head = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            var lines = head.components(separatedBy: "\r\n")
            let first = lines.removeFirst()
            guard first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
            else { throw Malformed(text: first) }
            var fields: [String: String] = [:]
            for line in lines {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, parts[1].first == " " else { throw Malformed(text: line) }
                let name = parts[0].lowercased()
                guard fields[name] == nil else { throw Malformed(text: "two \(name)") }
                fields[name] = String(parts[1].dropFirst())
            }
            var body = rest[end.upperBound...]
            let isBodiless =
                status < 200 || status == 204 || status == 304 || heads.contains(answers.count)
            guard let text = try takeBody(fields, isBodiless, &body, isAtEnd) else { break }
            answers.append(StageAnswer(status: status, fields: fields, body: text))
            rest = body
        }
        return (answers, rest.count)
    }

    private static func takeBody(
        _ fields: [String: String], _ isBodiless: Bool, _ rest: inout ArraySlice<UInt8>,
        _ isAtEnd: Bool
    ) throws -> String? {
        if isBodiless { return "" }
        if fields["transfer-encoding"] != nil {
            var decoder = ChunkedDecoder()
            var text = ByteBuffer()
            let bytes = Array(rest)
            let (taken, isComplete) = try bytes.withUnsafeBytes {
                try decoder.decode($0, into: &text, maxOutput: .max)
            }
            guard isComplete else { return nil }
            rest = rest.dropFirst(taken)
            return text.text()
        }
        if let length = fields["content-length"].flatMap({ Int($0) }) {
            guard rest.count >= length else { return nil }
            defer { rest = rest.dropFirst(length) }
            return String(decoding: rest.prefix(length), as: UTF8.self)
        }
        guard isAtEnd else { return nil }
        defer { rest = [] }
        return String(decoding: rest, as: UTF8.self)
    }
}
