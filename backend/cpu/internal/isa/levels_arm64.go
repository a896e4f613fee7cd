package isa

func archLevels() []Level { return []Level{NEON} }
