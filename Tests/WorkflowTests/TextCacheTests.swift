import ExactJSON
import Testing
import Workflow

struct TextCacheTests {
  @Test func `What was kept is found by its bytes, and by no others`() {
    let cache = TextCache<Int>()
    cache.keep(1, of: bytes("a"))
    cache.keep(2, of: bytes(""))
    #expect(cache.value(of: bytes("a")) == 1 && cache.value(of: bytes("")) == 2 && cache.value(of: bytes("b")) == nil)
  }

  @Test func `A full cache forgets, and a long text is not kept`() {
    let cache = TextCache<Int>(capacity: 2, longest: 3)
    for (number, text) in ["a", "b", "c", "long"].enumerated() { cache.keep(number, of: bytes(text)) }
    #expect(["a", "b", "c", "long"].map { cache.value(of: bytes($0)) } == [nil, nil, 2, nil])
  }

  @Test func `The same steps again with other inputs are another workflow, and faults are found again`() throws {
    let reader = DefinitionReader.sample
    func body(_ name: String, _ steps: String) throws -> DefinitionReader.ParsedBody {
      try reader.parse(bytes(#"{"run_name":"\#(name)","inputs":{"text":"\#(name)"},"steps":\#(steps)}"#))
    }
    let good = #"[{"id":"pre","op":"preprocess"}]"#
    let first = try reader.read(body("one", good))
    let second = try reader.read(body("two", good))
    #expect(first.definition.runName == "one" && second.definition.runName == "two")
    #expect(first.definition.inputs == ["text": "one"] && second.definition.inputs == ["text": "two"])
    #expect(first.definition.steps == second.definition.steps && first.steps == second.steps)
    #expect(
      String(decoding: first.steps, as: UTF8.self)
        == #"[{"id":"pre","op":"preprocess","needs":[],"params":{"field":"text"}}]"#)
    for _ in 0..<2 {
      #expect(throws: DefinitionReader.Faults.self) { try reader.read(body("bad", #"[{"id":"pre","op":"other"}]"#)) }
    }
    #expect(throws: DefinitionReader.Faults.self) {
      try reader.read(reader.parse(bytes(#"{"run_name":1,"steps":\#(good)}"#)))
    }
    #expect(throws: JSONError.self) { try body("one", good + "]") }
    #expect(try body("three", good).document.value.objectValue?["steps"]?.text == good)
  }
}
