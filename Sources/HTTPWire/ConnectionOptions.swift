// ConnectionOptions: the tokens of the Connection field, over all its lines (RFC 9110 §7.6.1).

internal import Bytes

/// What a peer says about the connection.
struct ConnectionOptions {
    private(set) var hasClose = false
    private(set) var hasKeepAlive = false
    private(set) var hasUpgrade = false

    /// Reads every Connection line of `table`.
    init(_ table: borrowing FieldTable, in bytes: UnsafeRawBufferPointer) {
        let start = table.firstIndex(.connection)
        guard start < table.count else { return }
        add(bytes[table.field(at: start).value])
        guard table.isRepeated(.connection) else { return }
        for index in (start + 1)..<table.count {
            let field = table.field(at: index)
            if field.known == .connection { add(bytes[field.value]) }
        }
    }

    private mutating func add(_ value: UnsafeRawBufferPointer) {
        var list = FieldList(value)
        while let token = list.next() { note(token) }
    }

    private mutating func note(_ token: UnsafeRawBufferPointer) {
        if Words.spell(token, "close") {
            hasClose = true
        } else if Words.spell(token, "keep-alive") {
            hasKeepAlive = true
        } else if Words.spell(token, "upgrade") {
            hasUpgrade = true
        }
    }

    /// Whether the connection persists (RFC 9112 §9.3).
    func keepsAlive(versionMinor: Int) -> Bool {
        !hasClose && (versionMinor >= 1 || hasKeepAlive)
    }
}
