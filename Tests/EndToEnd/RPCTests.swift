// JSON-RPC 2.0 over POST /v1/rpc.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct RPCTests {
        private func rpc(_ server: Server, _ body: String) throws -> CurlAnswer {
            try curl("--data", body, server.http("/v1/rpc"))
        }

        @Test func `a request gets its result under its own id`() throws {
            try Server.run { server in
                let answer = try rpc(
                    server,
                    #"{"jsonrpc":"2.0","id":"a-1","method":"slow.echo","params":{"n":[1,2]}}"#)
                #expect(answer.status == 200)
                let object = try #require(try jsonObject(answer.body))
                #expect(object["id"] as? String == "a-1")
                #expect((object["result"] as? [String: [Int]]) == ["n": [1, 2]])
            }
        }

        @Test func `a notification gets 204 and no body`() throws {
            try Server.run { server in
                let answer = try rpc(server, #"{"jsonrpc":"2.0","method":"slow.echo"}"#)
                #expect(answer.status == 204)
                #expect(answer.body.isEmpty)
            }
        }

        @Test func `a batch gets one answer for each request that asks for one`() throws {
            try Server.run { server in
                let answer = try rpc(
                    server,
                    """
                    [{"jsonrpc":"2.0","id":1,"method":"slow.echo","params":{"n":1}},
                     {"jsonrpc":"2.0","method":"slow.echo"},
                     {"jsonrpc":"2.0","id":2,"method":"slow.nothing"}, 7]
                    """)
                #expect(answer.status == 200)
                let list = try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
                let answers = try #require(list as? [[String: Any]])
                #expect(answers.count == 3)
                let codes = answers.compactMap { ($0["error"] as? [String: Any])?["code"] as? Int }
                #expect(Set(codes) == [-32601, -32600])
                #expect(answers.contains { $0["id"] as? Int == 1 && $0["result"] != nil })
            }
        }

        @Test(arguments: [
            (#"{"jsonrpc":"2.0","id":1,"method":"nobody.disk"}"#, -32601),
            (#"{"jsonrpc":"2.0","id":1,"method":"slow.nothing"}"#, -32601),
            (#"{"jsonrpc":"2.0","id":1,"method":"host.disk","params":{"mount":7}}"#, -32602),
            (#"{"jsonrpc":"2.0","id":1}"#, -32600),
            ("[]", -32600),
            ("{", -32700),
        ])
        func `a faulty request gets the code of the standard`(body: String, code: Int) throws {
            try Server.run { server in
                let object = try #require(try jsonObject(try rpc(server, body).body))
                let error = try #require(object["error"] as? [String: Any])
                #expect(error["code"] as? Int == code)
            }
        }
    }
}
