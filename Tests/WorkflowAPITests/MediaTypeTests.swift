import Testing

@testable import WorkflowAPI

@Suite struct MediaTypeTests {
  @Test(arguments: [
    "", "application/json", "APPLICATION/JSON ; charset=utf-8", "\tapplication/ld+json", ";x",
    "application/json;charset=\"UTF-8\"", "application/json; a=\"; charset=utf-16\"; charset = UTF-8",
    "application/json; a=\"\\\";charset=x\"", "application/json;",
  ])
  func `JSON is read`(_ header: String) { #expect(MediaType.isJSON(header)) }

  @Test(arguments: [
    "text/json", "application/jsonx", "application/json\u{301}", "json", "application/x+jsonx", "application/+json",
    "application / json", "application/x, text/plain+json", "application/x y+json",
    "application/json; charset=utf-16", "application/json;charset=", "application/json; x=1; Charset=latin1",
    "application/json; charset=utf-8; charset=utf-16", ";charset=utf-16", "application/json; a=\"\\\\\";charset=x",
  ])
  func `anything else is not`(_ header: String) { #expect(!MediaType.isJSON(header)) }
}
