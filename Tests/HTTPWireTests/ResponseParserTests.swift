import HTTPWire
import Testing

@Suite struct ResponseParserTests {
    @Test(arguments: Vector.load("responses") + Vector.load("responses-edges"))
    func `a response is read or refused the same in every cut`(_ vector: Vector) {
        vector.check(ResponseReader.init)
    }
}
