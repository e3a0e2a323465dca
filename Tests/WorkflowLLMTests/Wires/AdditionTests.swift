import ExactJSON
import Testing

@testable import WorkflowLLM

/// Events that add to the text alone, which are read without making values of them.
@Suite struct AdditionTests {
  private static func events(_ wire: ModelDefinition.Wire) -> [String] {
    let long: String
    switch wire {
    case .chatCompletions:
      long =
        #"{"id":"c","object":"chat.completion.chunk","created":17,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":"A \u00e9 bay"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#
    case .responses:
      long =
        #"{"type":"response.output_text.delta","sequence_number":45,"item_id":"msg","output_index":0,"delta":"A bay","logprobs":[],"error":null}"#
    case .messages:
      long =
        #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"A bay"},"x":[1.5,true,{}]}"#
    }
    return [long, long.replacing(#"\u00e9"#, with: "é")] + ShortAnswer.events(wire)
  }

  /// What an event adds by the short way; nil if it must be parsed.
  private func addition(_ event: [UInt8], _ wire: ModelDefinition.Wire, to completion: Completion) -> String? {
    JSONCursor.read(event) { wire.format.addition(in: &$0, to: completion)?.string }
  }

  private func named() -> Completion {
    var completion = Completion()
    completion.take(model: "m")
    return completion
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `The common event of each wire is read the short way`(wire: ModelDefinition.Wire) {
    #expect(addition(Array(Self.events(wire)[1].utf8), wire, to: named()) != nil)
    #expect(addition(Array(ShortAnswer.end(wire).utf8), wire, to: named()) == nil)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Whatever a byte is changed to, both ways read the same`(wire: ModelDefinition.Wire) throws {
    let bytes = Array(#""\{}[]:,0n- x"#.utf8) + [0, 0xff]
    for event in Self.events(wire).map({ Array($0.utf8) }) {
      for index in event.indices {
        for change in [[], [event[index], event[index]]] + bytes.map({ [$0] }) {
          check(Array(event[..<index]) + change + Array(event[(index + 1)...]), wire)
        }
      }
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Whatever is added, both ways read the same`(wire: ModelDefinition.Wire) throws {
    let added = [
      #""error":{"code":429}"#, #""error":null"#, #""type":"error""#, #""object":"error""#, #""type":1"#,
      #""usage":{"n":1}"#,
      #""model":"other""#, #""choices":[]"#, #""choices":null"#, #""choices":[{"delta":{"content":"b"}}]"#,
      #""choices":[{"index":1,"delta":{"content":"b"}}]"#,
      #""choices":[{"delta":{"content":"b"}},{"delta":{"content":"c"}}]"#,
      #""choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]"#,
      #""choices":[{"delta":{"content":"b","refusal":"c"}}]"#,
      #""choices":[{"delta":{"content":"b"},"message":{"content":"c"}}]"#, #""choices":[{"delta":{},"text":"c"}]"#,
      #""choices":[{"delta":{"content":"b","tool_calls":[{}]}}]"#,
      #""choices":[{"delta":{"content":"b","content":null}}]"#,
      #""delta":"b""#, #""delta":{"type":"text_delta","text":"b"}"#, #""delta":{"type":"thinking_delta","text":"b"}"#,
      #""choices":[{"delta":{"content":"b"},"delta":{}}]"#, #""choices":[{"delta":{},"delta":{"content":"b"}}]"#,
      #""delta":{"type":"text_delta"}"#, #""delta":{}"#, #""delta":null"#, #""delta":{"text":"b"}"#, #""type":"ping""#,
    ]
    for event in Self.events(wire) where event.hasSuffix("}") {
      for member in added {
        check(Array((event.dropLast() + "," + member + "}").utf8), wire)
        check(Array(("{" + member + "," + event.dropFirst()).utf8), wire)
      }
    }
  }

  /// An event that the short way reads must be JSON, and do the same the long way.
  private func check(_ event: [UInt8], _ wire: ModelDefinition.Wire) {
    guard let piece = addition(event, wire, to: named()) else { return }
    let shown = String(decoding: event, as: UTF8.self)
    guard let value = try? JSONValue(leniently: event) else {
      Issue.record("this is no JSON: \(shown)")
      return
    }
    var (short, long) = (named(), named())
    short.take(addition: piece)
    long.take(event: value, of: wire.format)
    // A new name of the model is taken from the next event that is parsed.
    long.take(model: "m")
    #expect(String(reflecting: short) == String(reflecting: long), "\(shown)")
  }
}
