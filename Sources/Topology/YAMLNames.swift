import YAMLText

// The YAML reader lives below, where calls can use it too; here its names stand as if they were Topology's own.
public typealias YAML = YAMLText.YAML
public typealias YAMLNode = YAMLText.YAMLNode
public typealias YAMLPair = YAMLText.YAMLPair
public typealias YAMLScalar = YAMLText.YAMLScalar
public typealias YAMLError = YAMLText.YAMLError
public typealias SourcePosition = YAMLText.SourcePosition
