import Testing

@testable import WorkflowAPI

/// Entity tags by weak comparison.
@Suite struct EntityTagTests {
  @Test(arguments: ["\"a\"", "W/\"a\"", "*", " \"b\" , \"a\"", "\"b\",\t\"a\"\t", "\t*", ",, \"a\",", "\"b,c\",\"a\""])
  func `a list that names the tag matches`(_ header: String) {
    #expect(EntityTags.match([header], "\"a\""))
    #expect(EntityTags.match(["\"b\"", header], "\"a\"") == !header.contains("*"))
  }

  @Test(arguments: [
    "", "a", "\"b\"", "\"aa\"", " \t", "\"a\"\u{301}", "\"x,\"a\",y\"", "\"a\",*", "\"a\" \"b\"", "\"a\",\"b",
    "a,\"a\"", "w/\"a\"",
    "W/ \"a\"", "\"a\";q=1", "\"", "\"a b\",\"a\"",
  ])
  func `any other does not, nor one that is malformed`(_ header: String) {
    #expect(!EntityTags.match([header], "\"a\""))
  }

  @Test func `no list names a tag`() { #expect(!EntityTags.match([], "\"a\"")) }
}
