import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow

@testable import WorkflowLLM

/// Streams that end, or are cut into pieces, at each of their bytes.
@Suite(.timeLimit(.minutes(5))) struct StreamCutTests {
  /// Where the event with the end mark has come whole, as an offset in the framed body.
  private func endMark(_ wire: ModelDefinition.Wire, in body: [UInt8]) throws -> Int {
    try #require(body.firstRange(of: Array(ShortAnswer.end(wire).utf8))).upperBound
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A stream that ends at any byte before its end mark is no answer, and after it one`(
    wire: ModelDefinition.Wire
  ) async throws {
    let server = try ModelServer()
    let model = server.model(wire)
    let text = StreamText(ShortAnswer.events(wire))
    let body = text.framed
    let mark = try endMark(wire, in: body)
    for offset in 0...body.count {
      server.behaviour = .pieces([.bytes(text.head + body[..<offset]), .end])
      let (outcome, _) = await model.streamed()
      if offset < mark {
        let failure = try #require(outcome.failure, "after \(offset) of \(mark) bytes there was an answer")
        #expect(failure.code == .providerUnavailable && failure.isTransient, "\(offset): \(failure)")
      } else {
        let answer = try #require(outcome.answer, "after \(offset) bytes: \(outcome)")
        #expect(answer.text == ShortAnswer.text && answer.finishReason == "stop", "\(offset)")
      }
    }
  }

  /// What a reset leaves of the bytes before it is the system's choice.
  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A stream that is reset at any byte is the right answer or none`(wire: ModelDefinition.Wire) async throws {
    let server = try ModelServer()
    let model = server.model(wire)
    let text = StreamText(ShortAnswer.events(wire))
    let body = text.framed
    let mark = try endMark(wire, in: body)
    for offset in 0...body.count {
      server.behaviour = .pieces([.bytes(text.head + body[..<offset]), .reset])
      switch await model.streamed().outcome {
      case .success(let answer):
        #expect(offset >= mark && answer.text == ShortAnswer.text && answer.finishReason == "stop", "\(offset)")
      case .failure(.failed(let failure)):
        #expect(failure.code == .providerUnavailable && failure.isTransient, "\(offset): \(failure)")
      case .failure(.cancelled): Issue.record("\(offset): cancelled")
      }
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `An answer in one piece that is reset at any byte is none`(wire: ModelDefinition.Wire) async throws {
    let server = try ModelServer()
    let model = server.model(wire)
    let body = Array(ShortAnswer.whole(wire).utf8)
    let head = Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
    for offset in 0..<body.count {
      server.behaviour = .pieces([.bytes(head + body[..<offset]), offset % 2 == 0 ? .end : .reset])
      let failure = try await model.failure()
      #expect(failure.code == .providerUnavailable && failure.isTransient, "\(offset): \(failure)")
    }
    server.behaviour = .pieces([.bytes(head + body)])
    #expect(try await model.complete(.example).text == ShortAnswer.text)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A border between any two bytes, also inside a character, changes nothing`(
    wire: ModelDefinition.Wire
  ) throws {
    let body = StreamText(ShortAnswer.events(wire)).body
    for offset in 0...body.count {
      var stream = CompletionStream(wire.format)
      stream.take(Array(body[..<offset]))
      stream.take(Array(body[offset...]))
      #expect(stream.completion.text == ShortAnswer.text && stream.isEnded && stream.fault == nil, "\(offset)")
    }
    var stream = CompletionStream(wire.format)
    for byte in body { stream.take([byte]) }
    #expect(stream.completion.text == ShortAnswer.text && stream.isEnded)
  }

  @Test(arguments: ModelDefinition.Wire.allCases, [1, 2, 3, 7])
  func `Chunks of any size on the wire change nothing`(wire: ModelDefinition.Wire, size: Int) async throws {
    let server = try ModelServer()
    server.behaviour = StreamText(StreamText(ShortAnswer.events(wire)).body, size: size).behaviour
    let (outcome, shown) = await server.model(wire).streamed()
    #expect(outcome.answer?.text == ShortAnswer.text && shown.text == ShortAnswer.text)
    #expect(outcome.answer?.tokens.numbers == [9, nil, 3, nil])
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `An event that is not JSON, whichever it is, makes no answer, unless the end mark came before`(
    wire: ModelDefinition.Wire
  ) async throws {
    let server = try ModelServer()
    let events = ShortAnswer.events(wire)
    let mark = try #require(events.firstIndex(of: ShortAnswer.end(wire)))
    for index in events.indices {
      var broken = events
      broken[index] = String(events[index].dropLast())
      server.behaviour = .stream(broken)
      let (outcome, _) = await server.model(wire).streamed()
      if index <= mark {
        #expect(outcome.failure?.message == "a piece of the model's stream is not JSON", "\(index): \(outcome)")
        #expect(outcome.failure?.isTransient == true)
      } else {
        #expect(outcome.answer?.text == ShortAnswer.text, "\(index): \(outcome)")
      }
    }
  }
}
