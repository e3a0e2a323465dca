import Testing

@testable import WorkflowStore

/// The texts that models are writing, on their way to those who follow a run.
@Suite(.timeLimit(.minutes(5))) struct StreamedTextTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func piece(
    _ run: ClaimedRun, _ unit: StepUnit = StepUnit("llm"), attempt: Int = 1, at offset: Int, _ text: String
  ) -> StreamedPiece {
    StreamedPiece(
      run: HeldRun(id: run.id, token: run.token), unit: unit, attempt: attempt, offset: offset, text: Array(text.utf8))
  }

  private func texts(of run: ClaimedRun) async throws -> [String: String] {
    var texts: [String: String] = [:]
    for (unit, text) in try await bench.store.texts(of: run.id) {
      texts["\(unit.name) \(text.attempt.number)"] = String(decoding: text.bytes, as: UTF8.self)
    }
    return texts
  }

  @Test func `Pieces are appended in order, each once, and a missing one is asked for`() async throws {
    _ = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(
      try await bench.store.write([piece(run, at: 0, "Grüße"), piece(run, at: 7, " an")]) == [.known(7), .known(10)])
    #expect(try await bench.store.write([piece(run, at: 7, " an")]) == [.known(10)], "it is sent again")
    #expect(try await bench.store.write([piece(run, at: 12, "!")]) == [.known(10)], "two bytes are missing")
    let item = StepUnit("map", item: 3)
    #expect(try await bench.store.write([piece(run, item, attempt: 2, at: 0, "x")]) == [.known(1)])
    #expect(try await texts(of: run) == ["llm 1": "Grüße an", "map:3 2": "x"])
    for key in ["text:\(run.id):llm", "texts:\(run.id)"] { #expect(try await bench.ttl(key) ?? 0 > 3_500) }
  }

  @Test func `Another attempt begins again, and a text that is over leaves nothing`() async throws {
    _ = try await bench.submit()
    let run = try await bench.claimOne()
    _ = try await bench.store.write([piece(run, at: 0, "first")])
    #expect(try await bench.store.write([piece(run, attempt: 2, at: 0, "second")]) == [.known(6)])
    #expect(try await texts(of: run) == ["llm 2": "second"])
    #expect(try await bench.store.write([piece(run, attempt: 0, at: 0, "")]) == [.known(0)])
    #expect(try await texts(of: run) == [:])
    #expect(try await bench.keys().filter { $0.hasPrefix("text") } == [])
  }

  @Test func `A worker that has lost the run writes nothing, and the next one takes its texts away`() async throws {
    _ = try await bench.submit()
    let first = try await bench.claimOne()
    _ = try await bench.store.write([piece(first, at: 0, "cut of"), piece(first, StepUnit("map", item: 0), at: 0, "y")])
    try await bench.record(first, 1) { $0.end = .handedBack(asSuspect: false) }
    #expect(try await bench.store.write([piece(first, at: 6, "f")]) == [.lost])
    let second = try await bench.claimOne("second")
    #expect(try await texts(of: second) == [:], "what a claim before has left is void")
    #expect(
      try await bench.store.write([piece(first, at: 6, "f"), piece(second, at: 0, "again")]) == [.lost, .known(5)])
    #expect(try await texts(of: second) == ["llm 1": "again"])
  }

  // MARK: Readers

  private func attempt(_ text: String) throws -> StreamedText.Attempt { try #require(StreamedText.Attempt(text)) }

  private func message(_ text: String) throws -> TextMessage { try #require(TextMessage(Array(text.utf8))) }

  @Test func `A reader appends pieces, and reads where one is missing`() throws {
    var texts = KnownTexts()
    #expect(texts.markForReading() == 0)
    var isNew = texts.merge([:], readAt: 0)
    #expect(!isNew && texts.markForReading() == nil)
    func take(_ text: String) throws -> Bool { texts.take(try message(text)) }
    #expect(try take("text 1.1 0 llm\nab"))
    #expect(try take("text 1.1 2 llm\nc"))
    #expect(texts.known == [StepUnit("llm"): StreamedText(attempt: try attempt("1.1"), bytes: Array("abc".utf8))])
    #expect(try take("text 1.1 1 llm\nbc"), "it has come before")
    #expect(try !take("text 1.1 5 llm\nf"))
    let mark = try #require(texts.markForReading())
    let read = [StepUnit("llm"): StreamedText(attempt: try attempt("1.1"), bytes: Array("abcdef".utf8))]
    isNew = texts.merge(read, readAt: mark)
    #expect(isNew && texts.known == read && texts.markForReading() == nil)
    #expect(try take("over llm"))
    #expect(texts.known.isEmpty)
  }

  @Test func `What comes during a read is newer, and a gap in it is read again`() throws {
    var texts = KnownTexts()
    let mark = try #require(texts.markForReading())
    func take(_ text: String) throws -> Bool { texts.take(try message(text)) }
    #expect(try take("text 2.1 0 a\nnew"))
    #expect(try !take("text 2.1 4 b\nx"))
    let old = StreamedText(attempt: try attempt("1.1"), bytes: Array("old".utf8))
    let isNew = texts.merge([StepUnit("a"): old, StepUnit("c", item: 1): old], readAt: mark)
    #expect(isNew && texts.known[StepUnit("a")]?.bytes == Array("new".utf8))
    #expect(texts.known[StepUnit("c", item: 1)] == old && texts.markForReading() != nil)
  }

  @Test func `Other messages are none about texts`() {
    for text in ["", "queued", "text", "text 1.1 0\nx", "text 1 0 a\nx", "text 1.1 x a\nx", "texts 1.1 0 a\nx"] {
      #expect(TextMessage(Array(text.utf8)) == nil, "\(text)")
    }
  }
}
