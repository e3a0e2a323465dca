import ExactJSON
import Testing

@Suite
struct ObjectTests {
  /// An object with the keys "0" to "count - 1" and their numbers.
  private func numbered(_ count: Int) -> JSONObject {
    JSONObject((0..<count).map { ("\($0)", .number(JSONNumber($0))) })
  }

  @Test func `Members keep their order`() throws {
    let text = #"{"z":1,"a":2,"m":{"y":3,"b":4}}"#
    let object = try #require(JSONValue(parsing: text).objectValue)
    #expect(object.keys == ["z", "a", "m"])
    #expect(object.members.map(\.key) == object.keys)
    #expect(JSONValue.object(object).text == text)
  }

  @Test(arguments: [1, 3, 15, 16, 17, 18, 100])
  func `Setting replaces in place, appends, or removes`(count: Int) {
    var object = numbered(count)
    object["0"] = "first"
    object["new"] = .null
    #expect(object.count == count + 1)
    #expect(object.keys == (0..<count).map(String.init) + ["new"])
    #expect(object["0"] == "first")
    #expect(object["new"] == .null && object["new"] != nil && object["absent"] != .null)
    object["0"] = nil
    object["absent"] = nil
    #expect(object["0"] == nil)
    #expect(object.keys == (1..<count).map(String.init) + ["new"])
    for number in 1..<max(count, 1) { #expect(object["\(number)"] == .number(JSONNumber(number))) }
    object["0"] = 0
    #expect(object.keys.last == "0" && object["0"] == 0)
  }

  @Test(arguments: [0, 1, 16, 17, 1_000])
  func `Every member is found, however many there are`(count: Int) {
    let object = numbered(count)
    #expect(object.count == count && object.isEmpty == (count == 0))
    for number in 0..<count { #expect(object["\(number)"]?.numberValue?.int == number) }
    #expect(object["\(count)"] == nil)
  }

  @Test func `Removing every member but one leaves that one`() {
    var object = numbered(40)
    for number in 0..<39 { object["\(number)"] = nil }
    #expect(object == ["39": 39])
  }

  @Test func `A copy does not change with the original`() {
    let original = numbered(20)
    var copy = original
    copy["3"] = "three"
    copy["more"] = true
    #expect(original == numbered(20))
    #expect(copy["3"] == "three" && copy.count == 21)
  }

  @Test(arguments: [0, 30])
  func `Keys are told apart by their scalars`(others: Int) throws {
    var object = numbered(others)
    object["\u{E9}"] = 1
    object["e\u{301}"] = 2
    #expect(object.count == others + 2)
    #expect(object["\u{E9}"] == 1 && object["e\u{301}"] == 2)
    #expect(try JSONValue(parsing: JSONValue.object(object).bytes) == .object(object))
  }

  @Test(arguments: [2, 16, 17, 100])
  func `Objects are equal in any order of their members`(count: Int) {
    let object = numbered(count)
    var reversed = JSONObject(object.members.reversed().map { ($0.key, $0.value) })
    #expect(object == reversed)
    reversed["0"] = 1
    #expect(object != reversed)
    reversed["0"] = nil
    #expect(object != reversed)
    reversed["other"] = 0
    #expect(object != reversed)
  }

  @Test func `A key that comes again in a list of members keeps its place and takes the last value`() {
    let object = JSONObject([("a", 1), ("b", 2), ("a", 3)])
    #expect(object.keys == ["a", "b"])
    #expect(object["a"] == 3)
  }

  @Test(arguments: [
    (#"{"a":1,"a":2}"#, "a", 7), (#"{"a":1,"\u0061":1}"#, "a", 7), (#"{"\u0061":1,"a":1}"#, "a", 12),
    (#"{"":1,"":1}"#, "", 6), (#"[1,{"b":{"x":1,"y":2,"x":3}}]"#, "x", 21), (#"{"é":1,"\u00e9":2}"#, "é", 8),
  ])
  func `A duplicate key is refused by its name, at any depth and however it is escaped`(
    text: String, key: String, offset: Int
  ) {
    #expect(refusal(of: text) == JSONError(.duplicateKey(key), at: offset))
  }

  @Test(arguments: [15, 16, 17, 18, 1_000])
  func `A duplicate key is refused among many`(count: Int) {
    let members = (0..<count).map { "\"key number \($0)\":\($0)" }.joined(separator: ",")
    for key in ["key number 0", "key number \(count - 1)"] {
      let text = "{\(members),\"\(key)\":0}"
      #expect(refusal(of: text) == JSONError(.duplicateKey(key), at: members.utf8.count + 2))
    }
    #expect(refusal(of: "{\(members)}") == nil)
  }

  @Test(.timeLimit(.minutes(5)))
  func `An object of 100,000 members is read in time proportional to its size`() throws {
    let text = "{" + (0..<100_000).map { "\"\($0)\":\($0)" }.joined(separator: ",") + "}"
    let value = try JSONValue(parsing: text)
    #expect(value.objectValue?["99999"] == 99999)
    #expect(value.text == text)
    #expect(try JSONValue(parsing: text) == value)
  }

  @Test(.timeLimit(.minutes(5)))
  func `Long keys of combining marks cannot make a comparison slow`() throws {
    let marks = String(repeating: "\u{301}\u{316}", count: 100_000)
    let key = { (letter: String) in letter + marks }
    let object: JSONObject = [key("a"): 1, key("b"): 2, key("c"): 3]
    #expect(try JSONValue(parsing: JSONValue.object(object).bytes) == .object(object))
  }
}
