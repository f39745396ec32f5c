// RouteTable: from method and path to a route, by a trie of path segments. Built once, then frozen
// into flat arrays: a look-up compares bytes and allocates nothing.
//
//     nodes:   [first edge, edge count, capture child, routes by method]
//     edges:   [literal's first eight bytes, its length, its place in `text`, child node]
//     text:    all literals, one after the other

internal import Bytes
internal import Glibc
internal import HTTPWire

/// What a path led to.
struct RouteMatch {
    /// Captures of one path at most.
    static let captureLimit = 4

    /// The route's number, or nil if the method is not allowed.
    var route: Int?

    /// The methods that are allowed, a bit for each raw value.
    var allowed: UInt16

    /// What stood for `{…}`, in order, as places in the path.
    var captures = InlineArray<4, ByteRange>(repeating: ByteRange(start: 0, end: 0))

    var captureCount = 0

    /// The command that the path names, if it is one that a module is known to have.
    var place = -1
}

/// Routes by method and path.
///
/// Any number of look-ups, no changes. Loop-confined.
final class RouteTable {
    private struct Node {
        var firstEdge = 0
        var edgeCount = 0
        var capture = -1
        var allowed: UInt16 = 0
        var routes = InlineArray<10, Int16>(repeating: -1)
    }

    private struct Edge {
        var head: UInt64
        var start: Int
        var count: Int
        var child: Int
    }

    private let nodes: UnsafeMutableBufferPointer<Node>
    private let edges: UnsafeMutableBufferPointer<Edge>
    private let text: UnsafeMutableRawPointer

    /// One entry of a table to be built.
    struct Entry {
        var method: Method
        var pattern: String
        var route: Int

        /// `pattern` is a path in which a segment `{name}` stands for anything but a slash.
        init(_ method: Method, _ pattern: String, _ route: Int) {
            self.method = method
            self.pattern = pattern
            self.route = route
        }
    }

    /// Builds the table of `entries`, each path below `basePath`.
    init(_ entries: [Entry], basePath: String = "") {
        var builder = RouteTreeBuilder()
        for entry in entries {
            builder.add(entry.method, basePath + entry.pattern, entry.route)
        }
        var nodes: [Node] = []
        var edges: [Edge] = []
        var text: [UInt8] = []
        for tree in builder.nodes {
            var node = Node()
            node.firstEdge = edges.count
            node.edgeCount = tree.literals.count
            node.capture = tree.capture ?? -1
            for literal in tree.literals {
                let head = literal.text.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { Words.load($0, 0, count: bytes.count) } ?? 0
                }
                edges.append(
                    Edge(
                        head: head, start: text.count, count: literal.text.count,
                        child: literal.child))
                text += literal.text
            }
            for (method, route) in tree.routes {
                node.routes[Int(method.rawValue)] = Int16(clamping: route)
                node.allowed |= 1 << UInt16(method.rawValue)
            }
            nodes.append(node)
        }
        self.nodes = .allocate(capacity: nodes.count)
        _ = self.nodes.initialize(from: nodes)
        self.edges = .allocate(capacity: max(edges.count, 1))
        _ = self.edges.initialize(from: edges)
        self.text = .allocate(byteCount: max(text.count, 1), alignment: 1)
        text.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(start: self.text, count: bytes.count).copyMemory(
                from: bytes)
        }
    }

    deinit {
        nodes.deallocate()
        edges.deallocate()
        text.deallocate()
    }

    /// Finds `path`; nil if there is nothing at all.
    ///
    /// HEAD finds what GET does, unless it has a route of its own.
    func find(_ method: Method, _ path: UnsafeRawBufferPointer) -> RouteMatch? {
        guard let base = path.baseAddress, path.count > 0, path[0] == UInt8(ascii: "/") else {
            return nil
        }
        var match = RouteMatch(route: nil, allowed: 0)
        var node = 0
        var start = 1
        while true {
            let end = Words.find(UInt8(ascii: "/"), base, from: start, to: path.count)
            guard let child = step(node, base, start, end, &match) else { return nil }
            node = child
            if end == path.count { break }
            start = end &+ 1
        }
        let found = nodes.baseAddress.map { $0 + node }
        guard let found, found.pointee.allowed != 0 else { return nil }
        match.allowed = found.pointee.allowed
        var route = found.pointee.routes[Int(method.rawValue)]
        if route < 0, method == .head { route = found.pointee.routes[Int(Method.get.rawValue)] }
        match.route = route < 0 ? nil : Int(route)
        return match
    }

    @inline(__always)
    private func step(
        _ node: Int, _ path: UnsafeRawPointer, _ start: Int, _ end: Int, _ match: inout RouteMatch
    ) -> Int? {
        guard let node = nodes.baseAddress.map({ $0 + node }) else { return nil }
        let count = end &- start
        let head = Words.load(path, start, count: count)
        var index = node.pointee.firstEdge
        let edgeEnd = index &+ node.pointee.edgeCount
        while index < edgeEnd {
            if edges[index].head == head, edges[index].count == count,
                count <= 8 || memcmp(text + edges[index].start, path + start, count) == 0
            {
                return edges[index].child
            }
            index &+= 1
        }
        let capture = node.pointee.capture
        guard capture >= 0, count > 0, match.captureCount < RouteMatch.captureLimit else {
            return nil
        }
        match.captures[match.captureCount] = ByteRange(
            start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end))
        match.captureCount &+= 1
        return capture
    }

    /// Appends `allowed` as the value of an `Allow` field, with HEAD beside GET, and OPTIONS, which
    /// every path answers.
    static func appendAllow(_ allowed: UInt16, to out: inout ByteBuffer) {
        let names: [(Method, StaticString)] = [
            (.get, "GET, HEAD"), (.post, "POST"), (.put, "PUT"), (.delete, "DELETE"),
            (.patch, "PATCH"),
        ]
        for (method, name) in names where allowed & (1 << UInt16(method.rawValue)) != 0 {
            out.append(name)
            out.append(", ")
        }
        out.append("OPTIONS")
    }
}

/// The trie while it grows.
private struct RouteTreeBuilder {
    struct Tree {
        var literals: [(text: [UInt8], child: Int)] = []
        var capture: Int?
        var routes: [(Method, Int)] = []
    }

    var nodes = [Tree()]

    mutating func add(_ method: Method, _ pattern: String, _ route: Int) {
        var node = 0
        for segment in pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            node = child(of: node, segment)
        }
        nodes[node].routes.append((method, route))
    }

    private mutating func child(of node: Int, _ segment: Substring) -> Int {
        if segment.first == "{" {
            if let known = nodes[node].capture { return known }
            nodes.append(Tree())
            nodes[node].capture = nodes.count - 1
            return nodes.count - 1
        }
        let text = Array(segment.utf8)
        if let known = nodes[node].literals.first(where: { $0.text == text }) { return known.child }
        nodes.append(Tree())
        nodes[node].literals.append((text, nodes.count - 1))
        return nodes.count - 1
    }
}
