// ClientLoop: what the client connections of one loop share: scratch memory, spare buffers and
// deadlines. It owns the connections until they are closed.

internal import Bytes
internal import Glibc
internal import HTTPWire
internal import Notifier

/// Memory for one read and what is made of it.
///
/// Loop-confined.
final class ClientScratch {
    /// Bytes read at once.
    static let byteCount = 64 * 1024

    /// Fields that a head can hold, whatever the limits say.
    static let fieldCapacity = 256

    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    @exclusivity(unchecked) var head = ResponseHead(fieldCapacity: fieldCapacity)
    /// Decrypted bytes.
    @exclusivity(unchecked) var plaintext = ByteBuffer()
    /// Body bytes without their chunks.
    @exclusivity(unchecked) var decoded = ByteBuffer()

    deinit { memory.deallocate() }
}

/// The client side of one loop.
///
/// Loop-confined.
final class ClientLoop: LoopLocal {
    let pool = BufferPool()
    let vectors: UnsafeMutableBufferPointer<iovec>

    private let sweep = IdleSweep()
    @exclusivity(unchecked) private var connections: ContiguousArray<ClientConnection?> = []
    @exclusivity(unchecked) private var freeSlots: ContiguousArray<Int> = []
    @exclusivity(unchecked) private var spare: [ClientScratch] = []

    init(loop: EventLoop) {
        vectors = .allocate(capacity: 16)
        sweep.onExpired = { [unowned self] slot in connections[slot]?.deadlinePassed() }
        loop.addIdleSweep(sweep)
    }

    deinit {
        vectors.deallocate()
        // A connection and its exchange hold each other until one of them ends; the loop ends both.
        for connection in connections { connection?.letGo() }
    }

    /// Number of connections that are open or being opened.
    var connectionCount: Int { connections.count - freeSlots.count }

    /// Keeps `connection` until it is released; returns its slot.
    func keep(_ connection: ClientConnection) -> Int {
        if let slot = freeSlots.popLast() {
            connections[slot] = connection
            return slot
        }
        connections.append(connection)
        return connections.count - 1
    }

    /// Lets a closed connection go.
    func release(_ connection: ClientConnection) {
        let slot = connection.slot
        guard connections.indices.contains(slot), connections[slot] === connection else { return }
        connections[slot] = nil
        freeSlots.append(slot)
        sweep.disarm(slot)
    }

    /// Sets the deadline of a connection.
    func arm(_ connection: ClientConnection, _ ticks: UInt32) {
        sweep.arm(connection.slot, ticks: ticks)
    }

    /// Takes the deadline of a connection away.
    func disarm(_ connection: ClientConnection) { sweep.disarm(connection.slot) }

    /// Memory for a read.
    ///
    /// There is one as a rule; a callback that steps the loop, or that begins the
    /// next request of a connection, makes a second one.
    func takeScratch() -> ClientScratch { spare.popLast() ?? ClientScratch() }

    /// Takes the memory back.
    func putBack(_ scratch: ClientScratch) {
        scratch.plaintext.removeAll()
        scratch.decoded.removeAll()
        if spare.count < 2 { spare.append(scratch) }
    }
}
