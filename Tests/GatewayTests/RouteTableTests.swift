// Routing: literals before captures, methods, HEAD, and paths that lead nowhere.

import Bytes
import HTTPWire
import Testing

@testable import Gateway

@Suite struct RouteTableTests {
    private let table = RouteTable(
        [
            .init(.get, "/", 0), .init(.get, "/v1/modules", 1),
            .init(.get, "/v1/modules/{m}", 2), .init(.post, "/v1/modules/{m}/{c}", 3),
            .init(.get, "/v1/modules/special", 4), .init(.delete, "/v1/modules/{m}", 5),
        ], basePath: "/base")

    private func find(_ method: HTTPWire.Method, _ path: String) -> (Int?, [String], UInt16)? {
        Array(path.utf8).withUnsafeBytes { bytes in
            table.find(method, bytes).map { match in
                let captures = (0..<match.captureCount).map { index in
                    let range = match.captures[index]
                    return String(
                        decoding: bytes[Int(range.start)..<Int(range.end)], as: UTF8.self)
                }
                return (match.route, captures, match.allowed)
            }
        }
    }

    @Test(
        "a path leads to its route",
        arguments: [
            (Method.get, "/base/", 0, [String]()), (.get, "/base/v1/modules", 1, []),
            (.get, "/base/v1/modules/host", 2, ["host"]),
            (.head, "/base/v1/modules/host", 2, ["host"]),
            (.post, "/base/v1/modules/host/disk", 3, ["host", "disk"]),
            (.get, "/base/v1/modules/special", 4, []),
            (.delete, "/base/v1/modules/host", 5, ["host"]),
        ] as [(HTTPWire.Method, String, Int, [String])])
    func found(_ method: HTTPWire.Method, _ path: String, _ route: Int, _ captures: [String]) {
        let match = find(method, path)
        #expect(match?.0 == route)
        #expect(match?.1 == captures)
    }

    @Test(
        "a path that leads nowhere finds nothing",
        arguments: [
            "/", "", "base/v1/modules", "/base", "/base/v1", "/base/v1/modules/", "/base/v1/modul",
            "/base/v1/modules/a/b/c", "/base//v1/modules", "/BASE/v1/modules",
        ])
    func nothing(_ path: String) {
        #expect(find(.get, path) == nil)
    }

    @Test func `a wrong method is told what is allowed`() {
        let match = find(.put, "/base/v1/modules/host")
        #expect(match != nil && match?.0 == nil)
        var allow = ByteBuffer()
        RouteTable.appendAllow(match?.2 ?? 0, to: &allow)
        #expect(allow.text() == "GET, HEAD, DELETE, OPTIONS")
    }

    @Test func `names are found by their bytes`() {
        let names = (0..<1000).map { "name\($0)" }
        let table = NameTable(names + ["name7"])
        for (index, name) in names.enumerated() {
            #expect(Array(name.utf8).withUnsafeBytes { table.find($0) } == index)
        }
        #expect(Array("name".utf8).withUnsafeBytes { table.find($0) } == nil)
        #expect(NameTable([]).find(UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
    }
}
