// ExchangeStack: ended exchanges. Those that nobody holds any more are used again.
//
// A handler may keep an exchange, or still be running when it ends: so what has ended is looked at
// later, and whoever is referenced elsewhere then is let go.

/// Ended exchanges, the latest on top.
struct ExchangeStack: ~Copyable {
    /// Exchanges kept for later at most: what one turn of a busy loop uses.
    static let capacity = 64

    private let items = UnsafeMutablePointer<Unmanaged<Exchange>>.allocate(capacity: Self.capacity)

    /// Number of exchanges.
    private(set) var count = 0

    /// How many of them, from below, have been looked at and are as new.
    private var cleanCount = 0

    init() {}

    deinit {
        for index in 0..<count { items[index].release() }
        items.deallocate()
    }

    /// Puts an exchange on top, or lets it go if there are enough.
    @inline(__always)
    mutating func push(_ exchange: consuming Exchange) {
        guard count < Self.capacity else { return }
        items[count] = Unmanaged.passRetained(exchange)
        count &+= 1
    }

    /// Takes an exchange off that nobody else holds and that is as new, or makes one.
    @inline(__always)
    mutating func pop() -> Exchange {
        while count > 0 {
            count &-= 1
            var exchange = items[count].takeRetainedValue()
            if count < cleanCount {
                cleanCount = count
                return exchange
            }
            if isKnownUniquelyReferenced(&exchange) {
                exchange.reset()
                return exchange
            }
        }
        return Exchange()
    }

    /// Lets go of what the exchanges hold, and of those that somebody holds.
    @inline(__always)
    mutating func clean() {
        while cleanCount < count {
            var exchange = items[cleanCount].takeRetainedValue()
            if isKnownUniquelyReferenced(&exchange) {
                exchange.reset()
                items[cleanCount] = Unmanaged.passRetained(exchange)
                cleanCount &+= 1
            } else {
                count &-= 1
                items[cleanCount] = items[count]
            }
        }
    }
}
