import Testing

@testable import WorkflowAPI
@testable import WorkflowStore

struct TextFeedTests {
  private func text(_ attempt: String, _ text: String) throws -> StreamedText {
    StreamedText(attempt: try #require(StreamedText.Attempt(attempt)), bytes: Array(text.utf8))
  }

  private func render(_ feed: inout TextFeed, _ texts: [StepUnit: StreamedText]) -> String {
    String(decoding: feed.render(texts), as: UTF8.self)
  }

  @Test func `A client gets what there is, then what follows, and is told when an attempt begins again`() throws {
    var feed = TextFeed()
    let llm = StepUnit("llm")
    #expect(
      try render(&feed, [llm: text("1.1", "für \"")])
        == "event: text\ndata: {\"step\":\"llm\",\"attempt\":1,\"offset\":0,\"text\":\"für \\\"\"}\n\n")
    #expect(try render(&feed, [llm: text("1.1", "für \"")]) == "")
    #expect(
      try render(&feed, [llm: text("1.1", "für \"alle😀"), StepUnit("map", item: 2): text("1.3", "")])
        == "event: token\ndata: {\"step\":\"llm\",\"attempt\":1,\"offset\":5,\"text\":\"alle😀\"}\n\n")
    #expect(
      try render(&feed, [StepUnit("map", item: 2): text("1.3", "x")])
        == "event: text\ndata: {\"step\":\"map\",\"item\":2,\"attempt\":3,\"offset\":0,\"text\":\"x\"}\n\n")
    #expect(
      try render(&feed, [llm: text("2.1", "neu")]) == "event: reset\ndata: {\"step\":\"llm\",\"attempt\":1}\n\n"
        + "event: text\ndata: {\"step\":\"llm\",\"attempt\":1,\"offset\":0,\"text\":\"neu\"}\n\n")
  }
}
