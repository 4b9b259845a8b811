package sim

// Trained is trained, for the tests that see the package from outside.
var Trained = trained
