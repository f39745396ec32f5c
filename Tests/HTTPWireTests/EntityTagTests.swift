import HTTPWire
import Testing

@Suite struct EntityTagTests {
    @Test(arguments: [
        "\"t\"", "W/\"t\"", " \"t\"\t", "*", " * ", "\"a\", \"t\"", "\"a\",W/\"t\"", ",, \"t\"",
        "\"t\", broken", "\"\", \"t\"", "\"a\\\", \"t\"", "\"a,b\", \"t\"", "W/\"\\\" , W/\"t\" ,",
    ])
    func `a tag is found in a list, weak or strong`(_ field: String) {
        #expect(withBytes(field) { field in withBytes("\"t\"") { EntityTag.isListed(field, $0) } })
    }

    @Test(arguments: [
        "", " ", ",", "t", "\"T\"", "\"t", "t\"", "w/\"t\"", "W/", "W/t", "W /\"t\"", "**",
        "*, \"a\"", "\"tt\"", "\" t\"", "\"a, \"t\"", "broken, \"t\"", "\"W/\"t\"\"", "\"",
    ])
    func `what is not in the list is not found`(_ field: String) {
        #expect(!withBytes(field) { field in withBytes("\"t\"") { EntityTag.isListed(field, $0) } })
    }

    @Test(arguments: [
        ("*", true), (" *\t", true), ("", false), ("**", false), ("*, *", false), ("\"*\"", false),
        ("\"t\"", false), ("W/\"t\"", false),
    ])
    func `only an asterisk alone fits whatever there is`(_ field: String, _ isAny: Bool) {
        #expect(withBytes(field, EntityTag.isAny) == isAny)
    }
}
