"""How a customer sounds: changes of voice, and a trained model of acted emotions. Never of agents."""
