import HTTPWire
import Testing

@Suite struct NegotiationTests {
    private static let stream: [StaticString] = ["text/event-stream", "application/x-ndjson"]
    private static let problem: [StaticString] = ["application/json", "text/html"]

    private func choose(_ accept: String?, _ offers: [StaticString]) -> String? {
        let index =
            if let accept {
                withBytes(accept) { Negotiation.mediaType(accept: $0, offers: offers) }
            } else {
                Negotiation.mediaType(accept: nil, offers: offers)
            }
        return index.map { offers[$0].description }
    }

    @Test(arguments: [
        (nil, "application/json"), ("", "application/json"), (" ", "application/json"),
        ("*/*", "application/json"), ("text/html", "text/html"), ("TEXT/HTML", "text/html"),
        ("text/*", "text/html"), ("text/html, application/json", "application/json"),
        ("text/html, application/json;q=0.9", "text/html"),
        ("text/html;q=0.8, application/json;q=0.81", "application/json"),
        ("text/html;level=1", "text/html"), ("application/json; charset=utf-8", "application/json"),
        ("*/*;q=0.1, text/html;q=0.2", "text/html"), ("*/*, application/json;q=0", "text/html"),
        ("application/*;q=0.5, text/*;q=0.4, text/html;q=0.6", "text/html"),
        ("text/html;q=0.500, application/json;q=0.5", "application/json"),
        ("text/html;Q=1.000, application/json;q=0.999", "text/html"),
        ("text/html ; q=1 , application/json ; q=0.9", "text/html"),
        ("text/html;a=\",application/json\";q=0.5, application/json;q=0.4", "text/html"),
        ("application/json;q=0.2, */*;q=0.5", "text/html"),
        ("application/json;q=0.2, application/*", "application/json"),
        ("garbage, text/html", "text/html"),
        ("text/html;q=2, application/json;q=0.1", "application/json"),
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
            "text/html"
        ),
    ])
    func `the best of the offers is chosen`(_ accept: String?, _ type: String) {
        #expect(choose(accept, Self.problem) == type)
    }

    @Test(arguments: [
        "image/png", "application/json;q=0, text/html;q=0.000", "*/*;q=0", "*", "text", "/",
        "text/",
        "/*", "application/jsonx", "application/jso", "text/htm*", "application/json;q=x", "*/json",
        "text/*;q=0, application/*;q=0", ",,", ";q=1", "application/json;q=0.0001",
    ])
    func `nothing is chosen where nothing will do`(_ accept: String) {
        #expect(choose(accept, Self.problem) == nil)
    }

    @Test func `a browser's event source gets its stream`() {
        #expect(choose("text/event-stream", Self.stream) == "text/event-stream")
        #expect(choose("application/x-ndjson, */*;q=0.1", Self.stream) == "application/x-ndjson")
        #expect(choose(nil, []) == nil)
    }

    @Test(arguments: [
        (nil, ContentCoding.identity), ("", .identity), ("gzip", .gzip), ("x-gzip", .gzip),
        ("GZIP", .gzip), ("deflate", .deflate), ("gzip, deflate, br", .gzip),
        ("deflate, gzip", .gzip), ("deflate;q=1, gzip;q=0.5", .deflate), ("br", .identity),
        ("*", .gzip), ("*;q=0.5", .gzip), ("gzip;q=0", .identity), ("gzip;q=0, *", .deflate),
        ("gzip;q=0, deflate;q=0", .identity), ("identity", .identity),
        ("identity, gzip;q=0.5", .identity), ("identity;q=0.5, gzip", .gzip),
        ("identity, gzip", .gzip), ("identity;q=0, gzip", .gzip),
        ("gzip;q=0, *;q=0, identity", .identity),
        ("gzip;q=1.5", .identity), ("gzip;q=", .identity), ("gzip; q=0.001", .gzip),
        ("identity;q=0, *", .gzip),
    ])
    func `the best coding is chosen`(_ accept: String?, _ coding: ContentCoding) {
        let chosen =
            if let accept {
                withBytes(accept) { Negotiation.contentCoding(accept: $0) }
            } else {
                Negotiation.contentCoding(accept: nil)
            }
        #expect(chosen == coding)
    }

    @Test(arguments: ["identity;q=0", "*;q=0", "br, *;q=0", "identity;q=0, br", "gzip;q=0, *;q=0"])
    func `no coding is chosen where none will do`(_ accept: String) {
        #expect(withBytes(accept) { Negotiation.contentCoding(accept: $0) } == nil)
    }
}
