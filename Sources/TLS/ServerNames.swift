// ServerNames: from the name a client asks for (SNI, RFC 6066 §3) to the certificate that serves
// it. A value without OpenSSL in it.

internal import Bytes

/// Certificate names, exact and wildcard, and the index each one stands for.
struct ServerNames {
    private var exact: [String: Int] = [:]
    /// Wildcards by what follows `*.`.
    private var wildcards: [String: Int] = [:]

    /// Lets `name` stand for `index` unless it already stands for another; tells which happened.
    mutating func add(_ name: String, index: Int) -> Bool {
        let key = Self.normalized(name.utf8)
        if key.utf8.starts(with: "*.".utf8) {
            let parent = String(key.dropFirst(2))
            guard wildcards[parent] == nil else { return false }
            wildcards[parent] = index
        } else {
            guard exact[key] == nil else { return false }
            exact[key] = index
        }
        return true
    }

    /// The index for `name`: an exact name first, else a wildcard, which stands for exactly one
    /// label (RFC 9525 §6.3).
    func index(for name: UnsafeRawBufferPointer) -> Int? {
        let key = Self.normalized(name)
        if let index = exact[key] { return index }
        guard !wildcards.isEmpty, let dot = key.utf8.firstIndex(of: UInt8(ascii: ".")),
            dot != key.utf8.startIndex
        else { return nil }
        return wildcards[String(key[key.utf8.index(after: dot)...])]
    }

    private static func normalized(_ name: some Collection<UInt8>) -> String {
        String(decoding: canonical(name), as: UTF8.self)
    }

    /// Lower case, without the dot that ends an absolute name.
    static func canonical(_ name: some Collection<UInt8>) -> [UInt8] {
        var bytes = name.map(ASCII.lower)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        return bytes
    }

    /// The name in the `data` of a client's server_name extension; nil if there is none.
    ///
    /// The first of the list, like OpenSSL, which ends the handshake if there are more or if anything
    /// is malformed.
    static func asked(in data: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        // Bytes of the list, kind (0 for a host), bytes of the name, name.
        guard data.count > 5, data[2] == 0 else { return nil }
        let count = Int(data[3]) << 8 | Int(data[4])
        guard count > 0, count <= data.count - 5 else { return nil }
        return UnsafeRawBufferPointer(rebasing: data[5..<(5 + count)])
    }
}
