import Testing
import WorkflowLLM

@Suite struct WireURLTests {
  @Test(
    arguments: [
      ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
      ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
      ("https://api.openai.com/v1//", "https://api.openai.com/v1/chat/completions"),
      ("https://api.openai.com//v1", "https://api.openai.com/v1/chat/completions"),
      (" https://api.openai.com/v1\r\n", "https://api.openai.com/v1/chat/completions"),
      ("http://127.0.0.1:8080", "http://127.0.0.1:8080/chat/completions"),
      ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/chat/completions"),
      ("HTTP://[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions"),
      ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
      ("http://h/v1/chat/completions/?a=b", "http://h/v1/chat/completions?a=b"),
      ("http://h/v1/chat", "http://h/v1/chat/completions"),
      (
        "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
        "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"
      ),
      ("http://h/v1/?", "http://h/v1/chat/completions"), ("http://h?a=b", "http://h/chat/completions?a=b"),
      ("http://me:pw@h/v1", "http://me:pw@h/v1/chat/completions"),
      ("https://gate/https://api.openai.com/v1", "https://gate/https://api.openai.com/v1/chat/completions"),
    ])
  func `A URL is made from the parts of the base`(base: String, url: String) throws {
    #expect(try WireURL(base: base, wire: .chatCompletions).text == url)
  }

  @Test(
    arguments: [
      "", "api.openai.com/v1", "ftp://h/v1", "https://", "https:///v1", "http://:80/v1", "http://h:0/v1",
      "http://h:99999/v1",
      "http://h:x/v1", "http://h/v 1", "http://h/v1#frag", "http://h/v1\n/x", "http://h\\v1", "http://[]/v1",
      "http://h/v1/completions", "http://h/v1/responses", "http://h/v1/messages/", "http://h/v1/embeddings",
    ])
  func `What can never work is refused`(base: String) {
    #expect(throws: WireURL.Invalid.self) { try WireURL(base: base, wire: .chatCompletions) }
  }

  @Test(
    arguments: [
      (ModelDefinition.Wire.responses, "https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
      (.responses, "https://api.openai.com/v1/responses/", "https://api.openai.com/v1/responses"),
      (
        .responses, "https://x.openai.azure.com/openai/v1?api-version=preview",
        "https://x.openai.azure.com/openai/v1/responses?api-version=preview"
      ),
      (.messages, "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
      (.messages, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
      (.messages, "http://h/anthropic/v1/messages", "http://h/anthropic/v1/messages"),
    ])
  func `Each wire adds its own path`(wire: ModelDefinition.Wire, base: String, url: String) throws {
    #expect(try WireURL(base: base, wire: wire).text == url)
  }

  @Test(
    arguments: [
      (ModelDefinition.Wire.responses, "http://h/v1/chat/completions"), (.messages, "http://h/v1/responses"),
      (.messages, "http://h/v1/chat/completions"), (.chatCompletions, "http://h/v1/messages"),
    ])
  func `The path of another wire is refused by name`(wire: ModelDefinition.Wire, base: String) throws {
    let fault = try #require(#expect(throws: WireURL.Invalid.self) { try WireURL(base: base, wire: wire) })
    #expect(fault.description.contains(wire.rawValue))
  }

  @Test func `A user before the host is seen`() throws {
    #expect(try WireURL(base: "http://me:pw@h/v1", wire: .chatCompletions).hasUser)
    #expect(try WireURL(base: "http://h/v1?mail=a@b", wire: .chatCompletions).hasUser == false)
  }
}
