// Exchange: one request and its answer: the object that handlers see. Here: its life and what it
// knows of the request. The answer is in Exchange+Answer.swift, the body in Exchange+Body.swift.
//
// Exchanges are reused when nobody holds them any more. A handler that answers later keeps its
// reference, and an exchange whose peer has gone simply takes no answer.

package import Bytes
package import HTTPWire
internal import Notifier

/// One request and its answer.
///
/// Loop-confined.
package final class Exchange {
    /// How far the answer is.
    enum AnswerState: UInt8 { case none, streaming, ended, abandoned }

    /// The connection, for those who are in a hurry.
    // SAFETY: nil before the connection goes: `close` abandons its exchange, `retire` lets go of it.
    @exclusivity(unchecked) private(set) var link: Unmanaged<Connection>?
    @exclusivity(unchecked) var headBase: UnsafeRawPointer?
    @exclusivity(unchecked) var answer = AnswerState.none
    @exclusivity(unchecked) var keepsAlive = true
    @exclusivity(unchecked) var isChunked = false
    @exclusivity(unchecked) private var pathIsPlain = true

    /// The coding that the client prefers for an answer, once `resolveCoding` was called.
    @exclusivity(unchecked) private(set) var coding = ContentCoding.identity
    @exclusivity(unchecked) private var codingIsKnown = true

    // The request's body.
    @exclusivity(unchecked) var framing = BodyFraming.none
    @exclusivity(unchecked) var bodyLeft = 0
    @exclusivity(unchecked) var isBodyTaken = true
    @exclusivity(unchecked) var isSkippingBody = false
    @exclusivity(unchecked) var awaitsContinue = false
    @exclusivity(unchecked) var bodyLimit = 0
    @exclusivity(unchecked) var bodyByteCount = 0
    @exclusivity(unchecked) var streamsBody = false
    @exclusivity(unchecked) var isBodyPaused = false
    /// What a body in pieces needs; most requests have none, and most streams for days.
    @exclusivity(unchecked) var pieces: BodyPieces?
    @exclusivity(unchecked) var pathBuffer = ByteBuffer()

    // Other modules read stored properties with the exclusivity check that the attribute spares us.
    @exclusivity(unchecked) private var requestMethod = Method.get
    @exclusivity(unchecked) private var requestPath = UnsafeRawBufferPointer(start: nil, count: 0)
    @exclusivity(unchecked) private var handlerTag = 0

    /// The method.
    package internal(set) var method: Method {
        get { requestMethod }
        set { requestMethod = newValue }
    }

    /// The minor version of the peer's HTTP/1: 0 or 1.
    @exclusivity(unchecked) package internal(set) var versionMinor = 1

    /// The id that the client gave this request; empty if it gave none, or none that is sane.
    @exclusivity(unchecked) var givenID = ByteBuffer()

    /// Number of this request, unique in the process; its id unless the client gave one.
    @exclusivity(unchecked) package internal(set) var id: UInt64 = 0

    /// Monotonic nanoseconds at which the head was complete.
    @exclusivity(unchecked) package internal(set) var startNanos: UInt64 = 0

    /// Status of the answer; 0 while there is none.
    @exclusivity(unchecked) package internal(set) var status = 0

    /// Whether the peer had closed its sending side and the server waited no longer: the answer only
    /// says so, and most likely the peer has gone.
    @exclusivity(unchecked) package internal(set) var isGivenUp = false

    /// Bytes of the answer's body so far.
    @exclusivity(unchecked) package internal(set) var answerByteCount = 0

    /// The path, decoded and without dot segments; readable while the head is.
    package internal(set) var path: UnsafeRawBufferPointer {
        get { requestPath }
        set { requestPath = newValue }
    }

    /// The request's whole body; readable while `complete` runs.
    @exclusivity(unchecked) package internal(set) var body = UnsafeRawBufferPointer(
        start: nil, count: 0)

    /// Extra field lines for the answer, each ending in CRLF, that the handler has prepared.
    @exclusivity(unchecked) package var extraFields = ByteBuffer()

    /// Bytes for the handler's own use, such as what it will say of this request in a log.
    @exclusivity(unchecked) package var note = ByteBuffer()

    /// A number for the handler's own use, such as which route was found; 0 at first.
    package var tag: Int {
        get { handlerTag }
        set { handlerTag = newValue }
    }

    /// Hears, under the plan `stream`, each piece of the request's body, readable until it returns.
    ///
    /// The last piece, which may be empty, comes with true. Nothing is called after the answer has
    /// ended, or after `onAbandoned`.
    @exclusivity(unchecked) package var onBody: ((UnsafeRawBufferPointer, _ isLast: Bool) -> Void)?

    /// Called once if the peer leaves, or the server ends the exchange, before the answer is whole.
    @exclusivity(unchecked) package var onAbandoned: (() -> Void)?

    /// Called when everything queued so far has left.
    @exclusivity(unchecked) package var onSent: (() -> Void)?

    /// Called when the server begins to drain while a streamed answer is open.
    @exclusivity(unchecked) package var onDrain: (() -> Void)?

    init() {}

    /// The connection, until the exchange has ended.
    var connection: Connection? {
        @inline(__always) get { link?.takeUnretainedValue() }
        @inline(__always) set { link = newValue.map(Unmanaged.passUnretained) }
    }

    /// Whether an answer can still be given or continued.
    package var isOpen: Bool { answer == .none || answer == .streaming }

    /// A peer that only closed its sending side still gets an ordinary answer; nobody can tell it
    /// from one that has gone, so an open stream ends.
    var isWorthFinishing: Bool { answer == .none }

    /// The peer's address.
    package var peer: SocketAddress? { connection?.peer }

    /// Whether the connection is encrypted.
    package var isSecure: Bool { connection?.tls != nil }

    /// Slot of the connection: small numbers, each used by one open connection of the loop.
    package var slot: Int { connection?.slot ?? -1 }

    // MARK: Life

    /// Takes over the head that the server has just parsed from `bytes`.
    @inline(__always)
    func begin(
        on connection: Connection, _ server: ServerLoop, _ bytes: UnsafeRawBufferPointer
    ) {
        self.connection = connection
        headBase = bytes.baseAddress
        id = server.nextRequestID()
        startNanos = server.loop.now
        method = server.head.pointee.method
        versionMinor = server.head.pointee.versionMinor
        keepsAlive = server.head.pointee.keepAlive && !server.isDraining
        framing = server.head.pointee.framing
        awaitsContinue = server.head.pointee.expectsContinue && versionMinor == 1
        switch framing {
        case .none, .untilClose: isBodyTaken = true
        case .length(let count):
            bodyLeft = count
            isBodyTaken = count == 0
        case .chunked:
            isBodyTaken = false
            makePieces().decoder = ChunkedDecoder(limits: server.limits.wire)
        }
        path = slice(server.head.pointee.path)
        pathIsPlain = server.head.pointee.pathIsPlain
        // RFC 9112 §3.2.2: an absolute target without a path means the root.
        if path.isEmpty, server.head.pointee.form == .absolute { path = Self.root }
        codingIsKnown = false
        if let given = server.head.pointee.first(.requestID) { take(given: slice(given)) }
    }

    /// Stands for a request that is refused before its head was complete.
    func begin(on connection: Connection, refusedMethod: Method) {
        self.connection = connection
        id = connection.server.nextRequestID()
        startNanos = connection.server.loop.now
        method = refusedMethod
        versionMinor = 1
        framing = .none
        isBodyTaken = true
        awaitsContinue = false
    }

    private static var root: UnsafeRawBufferPointer {
        let text: StaticString = "/"
        return UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// Takes over a client's id of letters, digits and `-_.`, which harm in no log and no header.
    private func take(given id: UnsafeRawBufferPointer) {
        guard id.count > 0, id.count <= RequestID.givenByteLimit,
            id.allSatisfy({
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E
            })
        else { return }
        givenID.append(id)
    }

    /// Appends the request's id: the client's, or 16 hexadecimal digits.
    package func appendID(to out: inout ByteBuffer) {
        if givenID.isEmpty {
            RequestID.append(id, to: &out)
        } else {
            out.append(givenID.readable)
        }
    }

    /// Lets go of what the handler wanted to be called for.
    @inline(__always)
    func forgetCallbacks() {
        if onAbandoned != nil { onAbandoned = nil }
        if onDrain != nil { onDrain = nil }
        if onSent != nil { onSent = nil }
        if onBody != nil { onBody = nil }
    }

    /// Makes the exchange as new.
    func reset() {
        connection = nil
        headBase = nil
        answer = .none
        isChunked = false
        isGivenUp = false
        coding = .identity
        codingIsKnown = true
        status = 0
        answerByteCount = 0
        tag = 0
        forgetCallbacks()
        if !extraFields.isEmpty { extraFields.removeAll() }
        if !givenID.isEmpty { givenID.removeAll() }
        if isSkippingBody || streamsBody || bodyByteCount > 0
            || pieces?.head.isEmpty == false
        {
            resetBody()
        }
        if !pathBuffer.isEmpty { pathBuffer.removeAll() }
        path = UnsafeRawBufferPointer(start: nil, count: 0)
        body = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The peer has gone, or the server will not wait any longer.
    func abandon() {
        guard isOpen else { return }
        answer = .abandoned
        headBase = nil
        connection?.server.handler.ended(self)
        connection = nil
        let notify = onAbandoned
        onAbandoned = nil
        onDrain = nil
        onSent = nil
        onBody = nil
        notify?()
    }

    /// The server is ending; a streamed answer may say goodbye, an ordinary one ends its connection.
    func serverIsDraining() {
        keepsAlive = false
        onDrain?()
    }

    // MARK: The head

    @inline(__always)
    private func slice(_ range: ByteRange) -> UnsafeRawBufferPointer {
        guard let headBase else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(
            start: headBase + Int(range.start), count: Int(range.end &- range.start))
    }

    /// The value of the first field of that name; readable while the head is.
    package func field(_ name: KnownField) -> UnsafeRawBufferPointer? {
        guard headBase != nil, let range = connection?.server.head.pointee.first(name) else {
            return nil
        }
        return slice(range)
    }

    /// The value of a list field, its lines joined as one; readable while the head is.
    package func list(_ name: KnownField) -> UnsafeRawBufferPointer? {
        guard let headBase, let connection else { return nil }
        return connection.server.head.pointee.list(name, headBase)
    }

    /// Whether more than one field has that name; false if the head is no longer readable.
    package func isRepeated(_ name: KnownField) -> Bool {
        headBase != nil && connection?.server.head.pointee.isRepeated(name) == true
    }

    /// The value of the first field called `name`, in any case of letters; readable while the head is.
    package func field(named name: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard headBase != nil, let server = connection?.server else { return nil }
        for index in 0..<server.head.pointee.fieldCount {
            let field = server.head.pointee.field(at: index)
            let present = slice(field.name)
            if present.count == name.count,
                zip(present, name).allSatisfy({ ASCII.lower($0) == ASCII.lower($1) })
            {
                return slice(field.value)
            }
        }
        return nil
    }

    /// The value of the first field of that name as text, invalid UTF-8 replaced.
    package func text(_ name: KnownField) -> String? {
        field(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `body` with every field in order of arrival; while the head is readable.
    package func forEachField(
        _ body: (KnownField, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) ->
            Void
    ) {
        guard headBase != nil, let server = connection?.server else { return }
        for index in 0..<server.head.pointee.fieldCount {
            let field = server.head.pointee.field(at: index)
            body(field.known, slice(field.name), slice(field.value))
        }
    }

    /// Host and port that the request is for, as the client wrote them; readable while the head is.
    package var authority: UnsafeRawBufferPointer {
        connection.map { slice($0.server.head.pointee.authority) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The method as it was sent; readable while the head is.
    package var methodBytes: UnsafeRawBufferPointer {
        connection.map { slice($0.server.head.pointee.methodRange) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Reads which coding the client prefers; to be called while the head is readable.
    ///
    /// Most answers are too short to be compressed, and are given before anybody asks.
    func resolveCoding() {
        guard !codingIsKnown else { return }
        codingIsKnown = true
        guard let accept = list(.acceptEncoding) else { return }
        coding = Negotiation.contentCoding(accept: accept) ?? .identity
    }

    /// Keeps what an answer needs of the head after that has gone.
    func keepForAnswer() {
        resolveCoding()
        keepPath()
    }

    /// Keeps the path readable after the head has gone.
    private func keepPath() {
        guard pathBuffer.isEmpty else { return }
        guard answer == .none else {
            // The handler has seen it, and nobody else asks.
            path = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        pathBuffer.append(path)
        path = pathBuffer.readable
    }

    /// The request target as it was sent; readable while the head is.
    package var target: UnsafeRawBufferPointer {
        connection.map { slice($0.server.head.pointee.target) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// What follows the question mark, still encoded; readable while the head is.
    package var query: UnsafeRawBufferPointer {
        connection.flatMap { $0.server.head.pointee.query.map(slice) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Decodes and normalises a path that needs it (RFC 3986 §6.2.2); call once before routing.
    ///
    /// - Throws: `WireError` with status 400.
    package func normalisePath() throws(WireError) {
        guard !pathIsPlain else { return }
        pathBuffer.removeAll()
        try PathNormaliser.normalise(path, into: &pathBuffer)
        path = pathBuffer.readable
    }
}
