import ExactJSON
import SeededRandom
import Testing

@Suite
struct RandomDocumentTests {
  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `What is written reads back equal, and what is read is written the same`(seed: UInt64) throws {
    var documents = RandomDocuments(seed: seed)
    for _ in 0..<1_000 {
      let value = documents.value()
      let bytes = value.bytes
      let parsed = try JSONValue(parsing: bytes)
      #expect(parsed == value)
      #expect(parsed.bytes == bytes)
      #expect(value.byteCount(atMost: bytes.count) == bytes.count)
      #expect(value.byteCount(atMost: bytes.count - 1) == nil)
    }
  }

  @Test func `Sources of members read back as the members' values`() throws {
    var documents = RandomDocuments(seed: 6)
    for _ in 0..<1_000 {
      let document = try JSONDocument(parsing: documents.value().bytes)
      for member in document.value.objectValue?.members ?? [] {
        #expect(document.source(of: member.key).map(Array.init) == member.value.bytes)
      }
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `Damaged bytes are refused inside the text, or mean what they read back as`(seed: UInt64) throws {
    var documents = RandomDocuments(seed: seed + 100)
    var accepted = 0
    for _ in 0..<5_000 {
      var bytes = documents.value(depth: 3).bytes
      for _ in 0..<Int.random(in: 1...3, using: &documents.generator) { mutate(&bytes, &documents.generator) }
      do throws(JSONError) {
        let value = try JSONDocument(parsing: bytes).value
        accepted += 1
        #expect(try JSONValue(parsing: value.bytes) == value)
      } catch {
        #expect((0...bytes.count).contains(error.offset), "\(error)")
      }
    }
    #expect(accepted > 500)
  }

  private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    let telling = Array("{}[],:\"\\u0123456789abcdefE+-.tn \n\u{0}\u{1F}\u{E9}".utf8) + [0xC0, 0xED, 0xF5, 0xFF]
    let byte = telling.randomElement(using: &generator) ?? 0
    let position = Int.random(in: 0...bytes.count, using: &generator)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: bytes.insert(byte, at: position)
    case 1 where position < bytes.count: bytes[position] = byte
    case 2 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 3: bytes.insert(contentsOf: bytes[position...].prefix(5), at: position)
    default: bytes.removeSubrange(position..<min(position + 2, bytes.count))
    }
  }
}
