import ExactJSON
import Testing

@Suite
struct ValueTests {
  private let value: JSONValue = ["none": nil, "yes": true, "number": -7, "text": "a", "list": [1, "b"], "empty": [:]]

  @Test func `Literals make values, in the order in which they are written`() {
    #expect(value.text == #"{"none":null,"yes":true,"number":-7,"text":"a","list":[1,"b"],"empty":{}}"#)
  }

  @Test func `An accessor gives its own type of value and nil for all others`() throws {
    let object = try #require(value.objectValue)
    #expect(object["yes"]?.boolValue == true)
    #expect(object["number"]?.numberValue == JSONNumber(-7))
    #expect(object["text"]?.stringValue == "a")
    #expect(object["list"]?.arrayValue == [1, "b"])
    for (key, value) in object.members.map({ ($0.key, $0.value) }) {
      #expect((value.boolValue != nil) == (key == "yes"))
      #expect((value.numberValue != nil) == (key == "number"))
      #expect((value.stringValue != nil) == (key == "text"))
      #expect((value.arrayValue != nil) == (key == "list"))
      #expect((value.objectValue != nil) == (key == "empty"))
    }
  }

  @Test func `A type has the name that JSON Schema gives it`() {
    let names = value.objectValue?.members.map(\.value.typeName)
    #expect(names == ["null", "boolean", "number", "string", "array", "object"])
  }

  @Test func `Values of different types are never equal`() {
    let values: [JSONValue] = [nil, false, 0, "", [], [:]]
    for (first, left) in values.enumerated() {
      for (second, right) in values.enumerated() { #expect((left == right) == (first == second)) }
    }
    #expect(JSONValue.array([1, 2]) != [2, 1])
    #expect(JSONValue.array([1]) != [1, 1])
  }

  @Test func `Writing appends to what is in the buffer`() {
    var buffer = Array("data: ".utf8)
    value.write(to: &buffer)
    #expect(String(decoding: buffer, as: UTF8.self) == "data: " + value.text)
  }
}
