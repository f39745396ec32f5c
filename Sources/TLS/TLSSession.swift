// TLSSession: one connection's TLS, without its socket. Ciphertext goes in, plaintext comes out,
// and the other way round; the caller owns all buffers and decides when to read and write.
//
//     handshaking ──> open ──> peerClosed
//          └───────────┴──────────┴────> failed
//
// Facts about the peer and the connection are in TLSSession+Facts.

package import Bytes
internal import COpenSSL

/// Where a session stands after it was given bytes.
package enum TLSProgress: Equatable, Sendable {
    /// The handshake goes on; nothing can be sent yet.
    case handshaking
    /// Both directions work.
    case open
    /// The peer sent close_notify: it sends no more, and may still read (RFC 8446 §6.1).
    case peerClosed
    /// The session is over. What `receive` wrote to `out` tells the peer why and should be sent.
    case failed(TLSError)
}

/// One end of a TLS connection.
///
/// Loop-confined.
package final class TLSSession {
    /// The context the session began with, kept alive by it across reloads.
    package let context: TLSContext

    let ssl: OpaquePointer
    /// Whom a client talks to; nil on servers.
    let host: String?
    private let channel: UnsafeMutablePointer<copenssl_wire>
    @exclusivity(unchecked) private var phase = Phase.untouched
    @exclusivity(unchecked) private var hasSentClose = false
    @exclusivity(unchecked) private var failure: TLSError?

    private enum Phase {
        /// No byte has come in yet.
        case untouched
        case handshaking
        case open
        case peerClosed
        case failed
    }

    /// Longest plaintext of a record (RFC 8446 §5.1).
    private static let recordByteCount = 16 << 10
    /// Bytes a record may add to its plaintext with the ciphers we allow: 22 in TLS 1.3 (header,
    /// inner type, tag), 29 in TLS 1.2 (header, explicit nonce, tag).
    ///
    /// More would only cost a copy.
    private static let overheadByteCount = 32

    /// Makes the server's end.
    ///
    /// - Precondition: `context` was built for servers.
    /// - Throws: `TLSError.unavailable`.
    package init(server context: TLSContext) throws(TLSError) {
        precondition(context.isServer, "a server session needs a server context")
        ssl = try Self.makeSSL(context)
        channel = context.wire.channel
        self.context = context
        host = nil
        SSL_set_accept_state(ssl)
    }

    /// Makes the client's end; `start` begins the handshake.
    ///
    /// - Parameters:
    ///   - host: The name or IP address that the server's certificate must be valid for. A name is
    ///     also sent to the server (SNI, RFC 6066 §3).
    ///   - resumption: What an earlier session left behind, or nil; ignored unless host, trust and
    ///     identity are the same.
    /// - Precondition: `context` was built for clients.
    /// - Throws: `TLSError.setting` for a host that is no name, `TLSError.unavailable`.
    package init(
        client context: TLSContext, host: String, resuming resumption: TLSResumption? = nil
    ) throws(TLSError) {
        precondition(!context.isServer, "a client session needs a client context")
        let ssl = try Self.makeSSL(context)
        guard Self.setHost(host, on: ssl) else {
            ErrorQueue.clear()
            SSL_free(ssl)
            throw .setting("not a host name: \(host)")
        }
        if let resumption, resumption.isFor(host, on: context) {
            SSL_set_session(ssl, resumption.session)
        }
        self.host = host
        self.ssl = ssl
        channel = context.wire.channel
        self.context = context
        SSL_set_connect_state(ssl)
    }

    deinit { SSL_free(ssl) }

    /// Whether the handshake is complete and data may be sent.
    package var isOpen: Bool {
        (phase == .open || phase == .peerClosed) && !hasSentClose
    }

    /// Where the session stands.
    package var progress: TLSProgress {
        switch phase {
        case .untouched, .handshaking: .handshaking
        case .open: .open
        case .peerClosed: .peerClosed
        case .failed: .failed(failure ?? .notOpen)
        }
    }

    /// Begins a client's handshake: appends the first message to `out`.
    ///
    /// Once is enough.
    package func start(into out: inout ByteBuffer) -> TLSProgress {
        guard phase == .untouched, !context.isServer else { return progress }
        ErrorQueue.clear()
        shakeHands()
        Wire.settle(channel, into: &out)
        return progress
    }

    /// Takes all of `ciphertext`; an incomplete record waits inside for the rest.
    ///
    /// - Parameters:
    ///   - ciphertext: What the peer sent, in pieces of any size.
    ///   - plaintext: Gets every byte that could be decrypted, at most `ciphertext.count` and one
    ///     record more. What came before a failure stays there.
    ///   - out: Gets what must be sent to the peer: handshake messages, alerts.
    package func receive(
        _ ciphertext: UnsafeRawBufferPointer,
        plaintext: inout ByteBuffer,
        ciphertext out: inout ByteBuffer
    ) -> TLSProgress {
        if phase == .untouched, let first = ciphertext.first {
            // TLS begins with byte 22; a method and a status line begin with a letter (RFC 9112 §3
            // and §4), or with an empty line before it (§2.2).
            guard !ASCII.isLetter(first), first != 0x0D, first != 0x0A else {
                return fail(.plainHTTP)
            }
            phase = .handshaking
        }
        guard phase != .failed, phase != .peerClosed, !ciphertext.isEmpty else { return progress }
        channel.pointee.in = ciphertext.baseAddress?.assumingMemoryBound(to: UInt8.self)
        channel.pointee.in_left = ciphertext.count
        ErrorQueue.clear()
        if phase != .open { shakeHands() }
        if phase == .open { drain(into: &plaintext) }
        Wire.settle(channel, into: &out)
        return progress
    }

    /// Notes that the transport has ended: without close_notify before, that is a truncation.
    package func receiveEnd() -> TLSProgress {
        switch phase {
        case .untouched, .handshaking, .open: fail(.truncated)
        case .peerClosed, .failed: progress
        }
    }

    /// Encrypts all of `plaintext` and appends the records to `out`, which grows as needed: 22 to
    /// 29 bytes for each 16 KiB or part of them.
    ///
    /// - Throws: `TLSError.notOpen`, or the failure that ended the session.
    package func send(
        _ plaintext: UnsafeRawBufferPointer, into out: inout ByteBuffer
    ) throws(TLSError) {
        guard isOpen else { throw failure ?? .notOpen }
        guard !plaintext.isEmpty else { return }
        ErrorQueue.clear()
        let recordCount = plaintext.count / Self.recordByteCount + 1
        var status: Int32 = 0
        out.fill(atLeast: plaintext.count + recordCount * Self.overheadByteCount) { room in
            var written = 0
            channel.pointee.out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            channel.pointee.out_count = 0
            channel.pointee.out_capacity = room.count
            status = SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &written)
            let count = channel.pointee.out_count
            channel.pointee.out_count = 0
            channel.pointee.out_capacity = 0
            return count
        }
        Wire.settle(channel, into: &out)
        guard status == 1 else {
            let error = ErrorQueue.takeFailure(verdict: 0)
            _ = fail(error)
            throw error
        }
    }

    /// Appends close_notify to `out`, once; nothing can be sent after it.
    ///
    /// Bytes of the peer may still be received.
    package func close(into out: inout ByteBuffer) {
        guard isOpen else { return }
        hasSentClose = true
        ErrorQueue.clear()
        SSL_shutdown(ssl)
        ErrorQueue.clear()
        Wire.settle(channel, into: &out)
    }
}

// MARK: - Steps

extension TLSSession {
    /// Goes on with the handshake as far as the input reaches.
    private func shakeHands() {
        let status = SSL_do_handshake(ssl)
        guard status == 1 else { return look(at: status) }
        phase = .open
        // OpenSSL would keep its copy of the OCSP response until the connection ends.
        if context.hasStaples { copenssl_set_ocsp_response(ssl, nil, 0) }
    }

    /// Decrypts the input into `plaintext`.
    private func drain(into plaintext: inout ByteBuffer) {
        // Without read-ahead OpenSSL holds at most one incomplete record, so an empty wire and
        // nothing pending mean that all is done: no call just to hear "want read".
        var pending = 0
        while channel.pointee.in_left > 0 || pending > 0 {
            let room = max(pending, min(channel.pointee.in_left, Self.recordByteCount))
            var status: Int32 = 0
            plaintext.fill(atLeast: room) { free in
                var count = 0
                status = SSL_read_ex(ssl, free.baseAddress, free.count, &count)
                return count
            }
            guard status == 1 else { return look(at: status) }
            pending = Int(SSL_pending(ssl))
        }
    }

    /// Finds out why OpenSSL did not go on.
    private func look(at status: Int32) {
        switch SSL_get_error(ssl, status) {
        case SSL_ERROR_WANT_READ:
            break
        case SSL_ERROR_ZERO_RETURN:
            phase = .peerClosed
        default:
            _ = fail(ErrorQueue.takeFailure(verdict: SSL_get_verify_result(ssl)))
        }
    }

    private func fail(_ error: TLSError) -> TLSProgress {
        phase = .failed
        failure = error
        return .failed(error)
    }

    private static func makeSSL(_ context: TLSContext) throws(TLSError) -> OpaquePointer {
        ErrorQueue.clear()
        guard let ssl = SSL_new(context.primary) else {
            throw .unavailable(ErrorQueue.takeReason())
        }
        // The same BIO serves both directions, so the session needs and frees one reference.
        BIO_up_ref(context.wire.bio)
        SSL_set_bio(ssl, context.wire.bio, context.wire.bio)
        return ssl
    }

    /// Makes the server's certificate answer for `host` (RFC 9525), and sends a name as SNI.
    private static func setHost(_ host: String, on ssl: OpaquePointer) -> Bool {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        // OpenSSL takes an empty name to mean "do not check the name".
        guard !name.isEmpty, name.utf8.count < 256, !name.utf8.contains(0) else { return false }
        let isBracketed = name.hasPrefix("[") && name.hasSuffix("]")
        let address = isBracketed ? String(name.dropFirst().dropLast()) : name
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address) == 1 { return true }
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return SSL_set1_host(ssl, name) == 1 && copenssl_set_server_name(ssl, name) == 1
    }
}
