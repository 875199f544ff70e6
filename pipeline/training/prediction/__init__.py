"""What a trained model says of photographs of an object, given reference views of its shape."""
